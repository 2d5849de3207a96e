// Command crontimes prints when CronJob would fire: github.com/robfig/cron/v3, called as CronJob's controller calls it.
//
// It reads one JSON question a line and writes one JSON answer a line; times are Unix seconds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

type question struct {
	Schedule string `json:"schedule"`
	Zone     string `json:"zone"`
	From     int64  `json:"from"` // exclusive
	To       int64  `json:"to"`   // inclusive
	Limit    int    `json:"limit"`
}

type answer struct {
	Error string  `json:"error,omitempty"`
	Times []int64 `json:"times"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<16), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := encoder.Encode(times(asked)); err != nil {
			os.Exit(1)
		}
	}
}

func times(asked question) answer {
	if strings.Contains(asked.Schedule, "TZ") { // the API server takes none with a zone inside
		return answer{Error: "TZ in schedule"}
	}
	if _, err := time.LoadLocation(asked.Zone); err != nil {
		return answer{Error: err.Error()}
	}
	schedule, err := cron.ParseStandard(fmt.Sprintf("TZ=%s %s", asked.Zone, asked.Schedule))
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := answer{Times: []int64{}}
	for at := schedule.Next(time.Unix(asked.From, 0)); !at.IsZero() && at.Unix() <= asked.To; at = schedule.Next(at) {
		found.Times = append(found.Times, at.Unix())
		if asked.Limit > 0 && len(found.Times) >= asked.Limit {
			break
		}
	}
	return found
}
