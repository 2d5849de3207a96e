// Command argolua runs Lua as Argo CD does: gopher-lua, the object as the global obj, the script's result as JSON.
//
// Only the libraries are open that Argo CD opens by default: base, table, and os with time and date alone. It reads one
// JSON question a line and writes one JSON answer a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

type question struct {
	Script     string         `json:"script"`
	Object     any            `json:"object"`
	Parameters map[string]any `json:"parameters"`
}

type answer struct {
	Error  string          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<16), 1<<22)
	encoder := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		said, err := run(asked)
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err := encoder.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}

func run(asked question) (answer, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, openTimeAndDate},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return answer{}, err
		}
	}
	state.PreloadModule(lua.OsLibName, timeAndDate)
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", luajson.DecodeValue(state, asked.Object))
	state.SetGlobal("actionParams", luajson.DecodeValue(state, asked.Parameters))
	if err := state.DoString(asked.Script); err != nil {
		return answer{}, err
	}
	result, err := luajson.Encode(state.Get(-1))
	return answer{Result: result}, err
}

func openTimeAndDate(state *lua.LState) int {
	timeAndDate(state)
	state.SetGlobal(lua.OsLibName, state.Get(-1))
	return 1
}

func timeAndDate(state *lua.LState) int {
	other := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer other.Close()
	lua.OpenOs(other)
	whole, _ := other.Get(-1).(*lua.LTable)
	part := state.NewTable()
	for _, name := range []string{"time", "date"} {
		part.RawSetString(name, whole.RawGetString(name))
	}
	state.Push(part)
	return 1
}
