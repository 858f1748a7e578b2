// What must survive the change from one server to another on the same directory:
//
//	keep BOOTSTRAP STATE RECORDS kafka|odradek stopped|killed
//
// Each call is one server's life, of which the last word says how it will end. The first creates topics; every later one first compares all that the lives before have left; then each writes its share
// and reads everything back. STATE is a file in which the lives tell each other what was acknowledged. It prints `ok …` or `failed: …`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// State is what one life tells the next.
type State struct {
	Lives     []string           // who served, first to last
	Records   int                // of each partition in each life
	BaseMs    int64              // timestamp of the first record
	TopicIDs  map[string]string  // as the first life gave them
	Producers map[string]string  // per partition, all that DescribeProducers says
	Ends      map[string]int64   // per partition, the log end
	Starts    map[string]int64   // per partition, the log start
	Killed    bool               // the last life ended so
	Stables   map[string]int64   // per partition, the end for read_committed
	Sequence  Sequence           // the producer that goes on through all lives
	Writes    []TransactionWrite // every record of the topic with transactions, in order of offsets
	Access    []string           // what access.go has set, in words
}

// Life is one server's life.
type Life struct {
	ctx       context.Context
	bootstrap string
	server    string // kafka or odradek
	client    *kgo.Client
	admin     *kadm.Client
	state     *State
}

func fail(format string, args ...any) {
	fmt.Printf("failed: "+format+"\n", args...)
	os.Exit(1)
}

func check(what string, err error) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func expect[T comparable](what string, got, want T) {
	if got != want {
		fail("%s: got %v, want %v", what, got, want)
	}
}

func load(path string) *State {
	bytes, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		// Not older than producers are remembered, not younger than the clock.
		return &State{BaseMs: time.Now().Add(-time.Hour).UnixMilli()}
	}
	check("state", err)
	state := &State{}
	check("state", json.Unmarshal(bytes, state))
	return state
}

func (s *State) save(path string) {
	bytes, err := json.MarshalIndent(s, "", " ")
	check("state", err)
	check("state", os.WriteFile(path, bytes, 0o644))
}

func main() {
	if len(os.Args) != 6 {
		fail("keep BOOTSTRAP STATE RECORDS kafka|odradek stopped|killed")
	}
	bootstrap, path, server := os.Args[1], os.Args[2], os.Args[4]
	records, err := strconv.Atoi(os.Args[3])
	check("records", err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	check("client", err)
	defer client.Close()
	life := &Life{ctx: ctx, bootstrap: bootstrap, server: server, client: client, admin: kadm.NewClient(client), state: load(path)}

	if len(life.state.Lives) == 0 {
		life.state.Records = records
		life.create()
	} else {
		life.awaitLeaders()
		life.compare()
	}
	life.state.Lives = append(life.state.Lives, server)
	life.write()
	life.remember()
	life.compare()
	life.state.Killed = os.Args[5] == "killed"
	life.state.save(path)
	fmt.Printf("ok %s: %d records, in transactions and around them %s\n", strings.Join(life.state.Lives, ", then "), life.total(), summary(life.state.Writes))
}

// write adds this life's share.
func (l *Life) write() {
	l.writeKept()
	l.writeSequence()
	l.writeCut()
	if l.server == "kafka" {
		l.writeTransactions()
		l.setAccess()
	} else {
		l.writePlain()
	}
}

// compare holds everything against what the lives so far have left.
func (l *Life) compare() {
	l.compareTopics()
	l.compareConfiguration()
	l.compareOffsets()
	l.compareProducers()
	l.compareKept()
	l.compareSequence()
	l.compareTransactions()
	if l.server == "kafka" && len(l.state.Access) > 0 {
		l.compareAccess()
	}
}
