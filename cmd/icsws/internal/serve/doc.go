// Package serve has the commands that run a server: echo, a chat, files.
package serve
