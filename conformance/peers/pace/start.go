package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// commands are NAME=COMMAND pairs; {dir} in a command stands for an empty directory of each start.
type commands map[string]string

func (c commands) String() string { return fmt.Sprint(map[string]string(c)) }
func (c commands) Set(s string) error {
	name, command, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("want NAME=COMMAND, got %q", s)
	}
	c[name] = command
	return nil
}

var startWith, stopWith = commands{}, commands{}

// startUp is the time from starting a broker over an empty directory to the first acknowledged record of a new topic.
func startUp(t target, topic string, _ time.Duration) map[string]float64 {
	dir, err := os.MkdirTemp("", "pace-start-")
	die(err)
	defer os.RemoveAll(dir)
	in := func(command string) *exec.Cmd {
		c := exec.Command("bash", "-c", "exec "+strings.ReplaceAll(command, "{dir}", dir))
		c.Stderr = os.Stderr
		return c
	}
	if startWith[t.name] == "" {
		die(fmt.Errorf("start needs -start %s=COMMAND", t.name))
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.SetVersion(5)
	create.TimeoutMillis = 30000
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = topic, 1, 1
	create.Topics = append(create.Topics, ct)
	produce := kmsg.NewPtrProduceRequest()
	produce.SetVersion(9)
	produce.Acks, produce.TimeoutMillis = -1, 30000
	rt, rp := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	rt.Topic, rp.Records = topic, batch(1, value(100))
	rt.Partitions = append(rt.Partitions, rp)
	produce.Topics = append(produce.Topics, rt)
	creating, producing := frame(create), frame(produce)

	process := in(startWith[t.name])
	start := time.Now()
	die(process.Start())
	deadline := start.Add(2 * time.Minute)
	for firstRecord(t.addr, creating, producing) != nil {
		if time.Now().After(deadline) {
			die(fmt.Errorf("%s acknowledges nothing within two minutes of its start", t.name))
		}
		time.Sleep(200 * time.Microsecond)
	}
	took := time.Since(start).Seconds() * 1e3
	if stopWith[t.name] != "" {
		die(in(stopWith[t.name]).Run())
	}
	_ = process.Process.Kill()
	_ = process.Wait()
	return map[string]float64{"ms to first record": took}
}

// firstRecord creates the topic and has one record acknowledged, or says what is not ready yet.
func firstRecord(addr string, creating, producing []byte) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := roundTrip(c, creating, nil); err != nil { // an error code here shows in the produce below
		return err
	}
	in, err := roundTrip(c, producing, nil)
	if err != nil {
		return err
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(9)
	if err := resp.ReadFrom(in[5:]); err != nil {
		return err
	}
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
		return fmt.Errorf("error code %d", code)
	}
	return nil
}

// table prints the medians as a table of Markdown: a row for each figure, a column for each cluster.
func table(names []string, figures map[string]map[string]float64) {
	row := func(cells []string) { fmt.Println("| " + strings.Join(cells, " | ") + " |") }
	head, rule := []string{""}, []string{"---"}
	for _, t := range at {
		head, rule = append(head, t.name), append(rule, "---:")
	}
	row(head)
	row(rule)
	sort.Strings(names)
	for _, name := range names {
		cells := []string{name}
		base := figures[name][at[0].name]
		for i, t := range at {
			v, measured := figures[name][t.name]
			switch {
			case !measured:
				cells = append(cells, "–")
			case i == 0 || base == 0:
				cells = append(cells, fmt.Sprintf("%.4g", v))
			default:
				cells = append(cells, fmt.Sprintf("%.4g (×%.2f)", v, v/base))
			}
		}
		row(cells)
	}
}
