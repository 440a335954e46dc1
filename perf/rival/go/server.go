// SPDX-License-Identifier: MIT

// Go's side of the comparison. Reads "name n param" from standard input, does
// the operation n times with GOMAXPROCS = param, answers with lines "value name
// unit number" and a last line "took nanoseconds". rival/go/go.c asks, through
// the same bench.h as everybody; this file measures nothing twice.
//
// A goroutine and a WaitGroup per fork, as its users write it. The sizes are
// those of common.h and kernel/kernel.h.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	fibN         = 30
	fibAnswer    = 832040
	queensAll    = 1<<13 - 1
	queensAnswer = 73712
	utsDepth     = 10
	utsAnswer    = 4126648
	flatTasks    = 1000000
	launchPieces = 8
	launchTurns  = 125
	wakeCount    = 1000
	idleSeconds  = 5
)

var parked = 1000000 // or PARKED of the environment

func wrong(what string, answer, expected int) bool {
	if answer != expected {
		fmt.Fprintf(os.Stderr, "%s: %d instead of %d\n", what, answer, expected)
	}
	return answer != expected
}

func value(name, unit string, v float64) {
	fmt.Printf("value %s %s %g\n", name, unit, v)
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var group sync.WaitGroup
	var a int
	group.Add(1)
	go func() {
		a = fib(n - 1)
		group.Done()
	}()
	b := fib(n - 2)
	group.Wait()
	return a + b
}

type board struct {
	columns, left, right uint32
	count                int
}

func queens(q *board) {
	if q.columns == queensAll {
		q.count = 1
		return
	}
	free := queensAll &^ (q.columns | q.left | q.right)
	if free == 0 {
		return
	}
	var group sync.WaitGroup
	var next [13]board
	children := 0
	for ; free != 0; free &= free - 1 {
		bit := free & -free
		child := &next[children]
		children++
		*child = board{q.columns | bit, (q.left | bit) << 1, (q.right | bit) >> 1, 0}
		group.Add(1)
		go func() {
			queens(child)
			group.Done()
		}()
	}
	group.Wait()
	for i := 0; i < children; i++ {
		q.count += next[i].count
	}
}

type node struct {
	state uint64
	depth int
	count int
}

var utsLimits [100]uint32

func utsInit() {
	power := uint64(1) << 62
	for i := 0; i < len(utsLimits)-1; i++ {
		power = power / 5 * 4
		utsLimits[i] = uint32(power >> 30)
	}
}

func utsMix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func uts(n *node) {
	n.count = 1
	children := 0
	if n.depth < utsDepth {
		for uint32(n.state>>32) < utsLimits[children] {
			children++
		}
	}
	if children == 0 {
		return
	}
	var group sync.WaitGroup
	next := make([]node, children)
	group.Add(children)
	for i := range next {
		child := &next[i]
		*child = node{utsMix(n.state + uint64(i+1)*0x9e3779b97f4a7c15), n.depth + 1, 0}
		go func() {
			uts(child)
			group.Done()
		}()
	}
	group.Wait()
	for i := range next {
		n.count += next[i].count
	}
}

func peakMemory(name string) {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	value(name, "MiB", float64(usage.Maxrss)/1024)
}

func memoryNow() float64 {
	var total, resident float64
	in, err := os.Open("/proc/self/statm")
	if err != nil {
		return 0
	}
	defer in.Close()
	fmt.Fscan(in, &total, &resident)
	return resident * float64(os.Getpagesize())
}

func flat() {
	var group sync.WaitGroup
	group.Add(flatTasks)
	for i := 0; i < flatTasks; i++ {
		go group.Done()
	}
	group.Wait()
}

func launch() {
	var group sync.WaitGroup
	group.Add(launchPieces)
	for i := 0; i < launchPieces; i++ {
		go func() {
			for k := 0; k < launchTurns; k++ {
			}
			group.Done()
		}()
	}
	group.Wait()
}

func yield(n int) {
	var group sync.WaitGroup
	group.Add(2)
	for i := 0; i < 2; i++ {
		go func() {
			for k := 0; k < n; k += 2 {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
}

func pingpong(n int) time.Duration {
	there, back := make(chan int), make(chan int)
	took := make(chan time.Duration)
	go func() {
		for v := range there {
			back <- v + 1
		}
	}()
	go func() {
		begin := time.Now()
		for i := 0; i < n; i++ {
			there <- i
			<-back
		}
		t := time.Since(begin)
		close(there)
		took <- t
	}()
	return <-took
}

// From `many` goroutines to as many others.
func stream(n, capacity, many int) {
	numbers := make(chan uint64, capacity)
	var senders, receivers sync.WaitGroup
	senders.Add(many)
	receivers.Add(many)
	for i := 0; i < many; i++ {
		count := n / many
		if i < n%many {
			count++
		}
		go func() {
			for j := 0; j < count; j++ {
				numbers <- uint64(j)
			}
			senders.Done()
		}()
		go func() {
			for range numbers {
			}
			receivers.Done()
		}()
	}
	senders.Wait()
	close(numbers)
	receivers.Wait()
}

func alone(n int) {
	numbers := make(chan uint64, 1)
	for i := 0; i < n; i++ {
		numbers <- uint64(i)
		<-numbers
	}
}

func fromFour(n int) {
	var roads [4]chan uint64
	for i := range roads {
		road := make(chan uint64)
		roads[i] = road
		count := n / 4
		if i < n%4 {
			count++
		}
		go func() {
			for j := 0; j < count; j++ {
				road <- uint64(j)
			}
		}()
	}
	for ; n > 0; n-- {
		select {
		case <-roads[0]:
		case <-roads[1]:
		case <-roads[2]:
		case <-roads[3]:
		}
	}
}

func park() {
	var ready, ended sync.WaitGroup
	var waiting int64
	n := float64(parked)
	gate := make(chan struct{})
	ready.Add(1)
	ended.Add(parked)
	before := memoryNow()
	begin := time.Now()
	for i := 0; i < parked; i++ {
		go func() {
			if atomic.AddInt64(&waiting, 1) == int64(parked) {
				ready.Done()
			}
			<-gate
			ended.Done()
		}()
	}
	ready.Wait()
	value("park.create", "ns", float64(time.Since(begin).Nanoseconds())/n)
	value("park.bytes", "B", (memoryNow()-before)/n)
	begin = time.Now()
	close(gate)
	ended.Wait()
	value("park.wake", "ns", float64(time.Since(begin).Nanoseconds())/n)
}

// A million goroutines in a thousand groups wait until the context around the
// groups' own is cancelled.
func cancel() {
	const groups = 1000
	var ready, ended sync.WaitGroup
	all, stop := context.WithCancel(context.Background())
	ready.Add(parked / groups * groups)
	ended.Add(parked / groups * groups)
	for i := 0; i < groups; i++ {
		own, stopOwn := context.WithCancel(all)
		defer stopOwn()
		for k := 0; k < parked/groups; k++ {
			go func() {
				ready.Done()
				<-own.Done()
				ended.Done()
			}()
		}
	}
	ready.Wait()
	begin := time.Now()
	stop()
	ended.Wait()
	value("cancel", "ns", float64(time.Since(begin).Nanoseconds())/float64(parked/groups*groups))
}

// The sum of size numbers from first on: ten goroutines for each tenth, which
// answer through a channel.
func skynet(answer chan int, first, size int) {
	if size == 1 {
		answer <- first
		return
	}
	parts := make(chan int)
	sum := 0
	for i := 0; i < 10; i++ {
		go skynet(parts, first+i*size/10, size/10)
	}
	for i := 0; i < 10; i++ {
		sum += <-parts
	}
	answer <- sum
}

func quantile(sorted []float64, share float64) float64 {
	at := share * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// The waker keeps its thread to itself, as a thread outside of the pool would.
func wake() {
	var latency []float64
	ended := make(chan time.Time)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := 0; i < wakeCount; i++ {
		time.Sleep(time.Millisecond)
		begin := time.Now()
		go func() { ended <- time.Now() }()
		latency = append(latency, float64((<-ended).Sub(begin).Nanoseconds())/1000)
	}
	sort.Float64s(latency)
	value("wake.p50", "us", quantile(latency, 0.50))
	value("wake.p99", "us", quantile(latency, 0.99))
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func idle() {
	fib(20)
	before := cpuSeconds()
	time.Sleep(idleSeconds * time.Second)
	value("idle", "s", cpuSeconds()-before)
}

func do(name string, n int) (time.Duration, bool) {
	begin := time.Now()
	failed := false
	for i := 0; i < n && !failed; i++ {
		switch name {
		case "fib":
			failed = wrong("fib", fib(fibN), fibAnswer)
		case "queens":
			var q board
			queens(&q)
			failed = wrong("queens", q.count, queensAnswer)
		case "uts":
			root := node{utsMix(298), 0, 0}
			uts(&root)
			failed = wrong("uts", root.count, utsAnswer)
		case "flat":
			flat()
			took := time.Since(begin)
			peakMemory("flat.rss")
			return took, true
		case "launch":
			launch()
		case "yield":
			yield(n)
			return time.Since(begin), true
		case "pingpong":
			return pingpong(n), true
		case "channel_free":
			alone(n)
			return time.Since(begin), true
		case "channel_0":
			stream(n, 0, 1)
			return time.Since(begin), true
		case "channel_64":
			stream(n, 64, 1)
			return time.Since(begin), true
		case "channel_many_0":
			stream(n, 0, 4)
			return time.Since(begin), true
		case "channel_many_64":
			stream(n, 64, 4)
			return time.Since(begin), true
		case "channel_select":
			fromFour(n)
			return time.Since(begin), true
		case "park":
			park()
			return 0, true
		case "skynet":
			answer := make(chan int)
			go skynet(answer, 0, 1000000)
			failed = wrong("skynet", <-answer, 499999500000)
		case "cancel":
			cancel()
			return 0, true
		case "wake":
			wake()
			return 0, true
		case "idle":
			idle()
			return 0, true
		default:
			failed = true
		}
	}
	return time.Since(begin), !failed
}

func main() {
	in := bufio.NewReader(os.Stdin)
	utsInit()
	if n, err := strconv.Atoi(os.Getenv("PARKED")); err == nil {
		parked = n
	}
	for {
		var name string
		var n, workers int
		if _, err := fmt.Fscan(in, &name, &n, &workers); err != nil {
			return
		}
		runtime.GOMAXPROCS(workers)
		took, ok := do(name, n)
		if !ok {
			took = -1
		}
		fmt.Printf("took %d\n", took.Nanoseconds())
	}
}
