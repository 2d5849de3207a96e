-- How Argo CD shows an AuditSchedule: whether it fires, not how its sessions went; those have their own health.
local hs = {status = "Progressing", message = "waits for the operator"}
local status = obj.status or {}

if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "is being deleted"
  return hs
end
if status.observedGeneration ~= obj.metadata.generation then
  return hs
end

local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

if found.Stalled ~= nil and found.Stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = found.Stalled.message
elseif found.Ready ~= nil and found.Ready.status == "True" then
  hs.status = obj.spec.suspend and "Suspended" or "Healthy"
  hs.message = found.Ready.message
elseif found.Ready ~= nil then
  hs.message = found.Ready.reason .. ": " .. found.Ready.message
end
return hs
