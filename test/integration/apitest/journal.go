package apitest

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
)

const (
	maxKept  = 10_000 // of the last log lines at least, for a test that listens for one
	maxShown = 25     // for one that fails
)

// journal is what the program says, line by line.
type journal struct {
	listening chan addresses // gets what "listening" says, once

	mu      sync.Mutex
	recent  []string       // the last lines
	wrong   []string       // lines that no program of ours should ever write
	waiting bool           // listening has not been heard yet
	said    map[string]int // how often each message came
}

// addresses is where the program listens.
type addresses struct {
	API     string `json:"addr"`
	Metrics string `json:"metrics"`
}

func newJournal() *journal {
	return &journal{listening: make(chan addresses, 1), waiting: true, said: map[string]int{}}
}

// read takes lines until the program ends.
func (j *journal) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		j.take(lines.Text())
	}
}

func (j *journal) take(line string) {
	var said struct {
		Level   string `json:"level"`
		Message string `json:"msg"`
		addresses
	}
	err := json.Unmarshal([]byte(line), &said)
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.recent) == 2*maxKept {
		j.recent = slices.Delete(j.recent, 0, maxKept)
	}
	j.recent = append(j.recent, line)
	j.said[said.Message]++
	// A token begins with the Base64 of {" and has no business in a log.
	if err != nil || said.Level == "ERROR" || strings.Contains(line, "eyJ") {
		j.wrong = append(j.wrong, line)
	}
	if said.Message == "listening" && j.waiting {
		j.waiting = false
		j.listening <- said.addresses
	}
}

// tail is the last lines.
func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.recent[max(0, len(j.recent)-maxShown):], "\n")
}

// mistakes takes the lines that should not be there.
func (j *journal) mistakes() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	wrong := j.wrong
	j.wrong = nil
	return wrong
}

// times is how often a message came.
func (j *journal) times(message string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said[message]
}

// heard tells whether a line has the text.
func (j *journal) heard(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.recent, func(line string) bool { return strings.Contains(line, text) })
}
