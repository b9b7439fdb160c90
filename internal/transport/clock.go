package transport

import (
	"container/heap"
	"sync"
	"time"
)

// clock is the one timer of many connections. Each has one alarm: when it wants to be
// looked at next.
type clock struct {
	svc *Service

	mu     sync.Mutex // guards the following, and Conn.alarmAt
	alarms alarms
	timer  *time.Timer
	next   time.Duration // what timer is set to; 0: it is not
}

type alarm struct {
	at time.Duration // since Service.epoch
	c  *Conn
}

// set changes the alarm of c. Conn.mu is held.
func (k *clock) set(c *Conn, at time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.alarmAt == 0 {
		k.alarms = append(k.alarms, alarm{})
		c.alarmAt = int32(len(k.alarms))
	}
	k.alarms[c.alarmAt-1] = alarm{at, c}
	heap.Fix(&k.alarms, int(c.alarmAt-1))
	k.wind()
}

// clear forgets c. Conn.mu is held.
func (k *clock) clear(c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.alarmAt > 0 {
		heap.Remove(&k.alarms, int(c.alarmAt-1))
	}
}

// wind sets the timer for the first alarm.
func (k *clock) wind() {
	if len(k.alarms) == 0 {
		return
	}
	first := max(k.alarms[0].at, 1)
	if k.next != 0 && k.next <= first {
		return // it fires early, and looks again
	}
	k.next = first
	d := max(first-k.svc.now(), 0)
	if k.timer == nil {
		k.timer = time.AfterFunc(d, k.ring)
		return
	}
	k.timer.Reset(d)
}

// ring runs on the timer's goroutine.
func (k *clock) ring() {
	for _, c := range k.due() {
		if c.set.PingPayload != nil || c.set.Sent {
			go c.onTimer() // in which there is user code
			continue
		}
		c.onTimer()
	}
}

// due takes out whom the time has come for.
func (k *clock) due() (list []*Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = 0
	for now := k.svc.now(); len(k.alarms) > 0 && k.alarms[0].at <= now; {
		list = append(list, k.alarms[0].c)
		heap.Remove(&k.alarms, 0)
	}
	k.wind()
	return list
}

// alarms is a heap. Each connection knows its place in it, from 1.
type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at < a[j].at }

func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].c.alarmAt, a[j].c.alarmAt = int32(i+1), int32(j+1)
}

// Push is not used: set appends.
func (a *alarms) Push(any) {}

// Pop forgets the last.
func (a *alarms) Pop() any {
	last := len(*a) - 1
	(*a)[last].c.alarmAt = 0
	(*a)[last] = alarm{}
	if *a = (*a)[:last]; last == 0 {
		*a = nil
	}
	return nil
}
