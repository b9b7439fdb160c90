// Package proc looks at other processes and places them: CPU time, resident
// memory, a forced collection, the CPU they run on. Linux only.
package proc
