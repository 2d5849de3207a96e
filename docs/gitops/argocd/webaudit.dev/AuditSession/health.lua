-- How Argo CD shows an AuditSession: by its conditions, and only once the operator has looked at its newest generation.
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
local function is_true(kind)
  return found[kind] ~= nil and found[kind].status == "True"
end

if is_true("Stalled") or is_true("Failed") then
  hs.status = "Degraded"
  hs.message = (found.Stalled or found.Failed).message
elseif is_true("Ready") then
  hs.status = "Healthy"
  hs.message = found.Ready.message
elseif obj.spec.suspend then
  hs.status = "Suspended"
  hs.message = "spec.suspend is true"
elseif found.Ready ~= nil then
  hs.message = found.Ready.reason .. ": " .. found.Ready.message
end
return hs
