// os_exec.go: the works with Go's os/exec.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	blockSize        = 64 * 1024
	lineSize         = 8
	childrenInFlight = 64
	fewInFlight      = 2
	stallInFlight    = 16
	tick             = time.Millisecond
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(good bool, what string) {
	if !good {
		must(fmt.Errorf("%s is not as it should be", what))
	}
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Times a work; see measure.hpp.
type stopwatch struct {
	began, lapBegan time.Time
	used            float64
	laps            []float64
}

func startWatch() *stopwatch {
	now := time.Now()
	return &stopwatch{began: now, lapBegan: now, used: processor()}
}

func (w *stopwatch) lap() {
	now := time.Now()
	w.laps = append(w.laps, now.Sub(w.lapBegan).Seconds())
	w.lapBegan = now
}

func at(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sort.Float64s(values)
	return values[int(part*float64(len(values)-1))]
}

func (w *stopwatch) figures(count int) string {
	each := time.Since(w.began).Seconds() / float64(count)
	if len(w.laps) > 0 {
		each = at(w.laps, 0.5)
	}
	return fmt.Sprintf(`"seconds": %.12f, "processor": %.12f`,
		each, (processor()-w.used)/float64(count))
}

func (w *stopwatch) report(count int) {
	fmt.Printf("{%s}\n", w.figures(count))
}

func processor() float64 {
	sum := 0.0
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		must(syscall.Getrusage(who, &usage))
		sum += float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	}
	return sum
}

func spawnWait(tiny string, count int) {
	watch := startWatch()
	for i := 0; i < count; i++ {
		must(command(tiny).Run())
		watch.lap()
	}
	watch.report(count)
}

func spawnCommunicate(tiny string, count int) {
	watch := startWatch()
	for i := 0; i < count; i++ {
		out, err := command(tiny, "line").Output()
		must(err)
		check(len(out) == lineSize, "the output")
		watch.lap()
	}
	watch.report(count)
}

func many(tiny string, count, atOnce int) {
	watch := startWatch()
	var workers sync.WaitGroup
	starts := make(chan struct{})
	for i := 0; i < atOnce; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range starts {
				must(command(tiny).Run())
			}
		}()
	}
	for i := 0; i < count; i++ {
		starts <- struct{}{}
	}
	close(starts)
	workers.Wait()
	watch.report(count)
}

func countBytes(from io.Reader) (total int) {
	buffer := make([]byte, blockSize)
	for {
		got, err := from.Read(buffer)
		total += got
		if err == io.EOF {
			return
		}
		must(err)
	}
}

func feed(to io.WriteCloser, bytes int) {
	block := make([]byte, blockSize)
	for ; bytes > 0; bytes -= blockSize {
		_, err := to.Write(block)
		must(err)
	}
	must(to.Close())
}

func readSome(tiny string, bytes int) {
	watch := startWatch()
	cmd := command(tiny, "flood", strconv.Itoa(bytes))
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	total := countBytes(out)
	must(cmd.Wait())
	watch.report(bytes)
	check(total == bytes, "the output")
}

func readAll(tiny string, bytes int) {
	watch := startWatch()
	out, err := command(tiny, "flood", strconv.Itoa(bytes)).Output()
	must(err)
	watch.report(bytes)
	check(len(out) == bytes, "the output")
}

func writeSome(tiny string, bytes int) {
	watch := startWatch()
	cmd := command(tiny, "sink")
	in, err := cmd.StdinPipe()
	must(err)
	must(cmd.Start())
	feed(in, bytes)
	must(cmd.Wait())
	watch.report(bytes)
}

func duplex(tiny string, bytes int) {
	watch := startWatch()
	cmd := command(tiny, "cat")
	in, err := cmd.StdinPipe()
	must(err)
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	go feed(in, bytes)
	total := countBytes(out)
	must(cmd.Wait())
	watch.report(bytes)
	check(total == bytes, "the output")
}

func readline(tiny string, count int) {
	watch := startWatch()
	cmd := command(tiny, "lines", strconv.Itoa(count))
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	seen := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		seen++
	}
	must(cmd.Wait())
	watch.report(count)
	check(seen == count, "the lines")
}

func memoryKib() float64 {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	for _, line := range strings.Split(string(status), "\n") {
		if rest := strings.TrimPrefix(line, "RssAnon:"); rest != line {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			must(err)
			return kib
		}
	}
	return 0
}

func entries(pattern string) int {
	names, err := filepath.Glob(pattern)
	must(err)
	return len(names)
}

func alive(tiny string, count int) {
	must(command(tiny).Run())
	memory, descriptors := memoryKib(), entries("/proc/self/fd/*")
	watch := startWatch()
	var ended sync.WaitGroup
	children := make([]*exec.Cmd, 0, count)
	for i := 0; i < count; i++ {
		cmd := command(tiny, "pause")
		must(cmd.Start())
		children = append(children, cmd)
		ended.Add(1)
		go func() {
			defer ended.Done()
			cmd.Wait()
		}()
		watch.lap()
	}
	number := float64(count)
	fmt.Printf("{%s, \"memory_kib\": %.3f, \"descriptors\": %.3f, "+
		"\"threads\": %d}\n", watch.figures(count),
		(memoryKib()-memory)/number,
		float64(entries("/proc/self/fd/*")-descriptors)/number,
		entries("/proc/self/task/*"))
	for _, cmd := range children {
		cmd.Process.Kill()
	}
	ended.Wait()
}

// There is no loop to stall: a start holds its goroutine. The ticker is
// another one, and what delays it is the runtime.
func stall(tiny string, count int) {
	watch := startWatch()
	var late []float64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			last := time.Now()
			select {
			case <-stop:
				return
			case <-time.After(tick):
				late = append(late, (time.Since(last) - tick).Seconds())
			}
		}
	}()
	var workers sync.WaitGroup
	held := make([][]float64, stallInFlight)
	for i := range held {
		workers.Add(1)
		go func(held *[]float64) {
			defer workers.Done()
			for j := 0; j < count/stallInFlight; j++ {
				cmd := command(tiny)
				began := time.Now()
				must(cmd.Start())
				*held = append(*held, time.Since(began).Seconds())
				must(cmd.Wait())
			}
		}(&held[i])
	}
	workers.Wait()
	close(stop)
	<-stopped
	var all []float64
	for _, some := range held {
		all = append(all, some...)
	}
	fmt.Printf("{%s, \"tick_median\": %.9f, \"tick_p99\": %.9f, "+
		"\"tick_longest\": %.9f, \"held\": %.9f, \"held_p99\": %.9f}\n",
		watch.figures(count), at(late, 0.5), at(late, 0.99), at(late, 1),
		at(all, 0.5), at(all, 0.99))
}

var ballast []byte

func touchMemory() {
	gib, _ := strconv.Atoi(os.Getenv("BROOD_BENCH_GIB"))
	ballast = make([]byte, gib<<30)
	for at := 0; at < len(ballast); at += 4096 {
		ballast[at] = 1
	}
}

func main() {
	works := map[string]func(string, int){
		"spawn_wait":        spawnWait,
		"spawn_communicate": spawnCommunicate,
		"in_flight": func(tiny string, count int) {
			many(tiny, count, childrenInFlight)
		},
		"two_in_flight": func(tiny string, count int) {
			many(tiny, count, fewInFlight)
		},
		"read_some":  readSome,
		"read_all":   readAll,
		"write_some": writeSome,
		"duplex":     duplex,
		"readline":   readline,
		"alive":      alive,
		"stall":      stall,
	}
	if len(os.Args) == 4 && works[os.Args[1]] != nil {
		count, err := strconv.Atoi(os.Args[2])
		must(err)
		touchMemory()
		works[os.Args[1]](os.Args[3], count)
		return
	}
	fmt.Fprintln(os.Stderr, "usage: bench-go WORK COUNT TINY")
	os.Exit(2)
}
