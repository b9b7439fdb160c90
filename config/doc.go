// Package config reads the configuration of a server from a file: all of
// wsserver.Config that text can hold, with its hosts, in TOML, YAML, JSON or INI.
//
//	f, err := config.Load("server.toml")
//	if err != nil {
//		log.Fatal(err)
//	}
//	for _, w := range f.Warnings {
//		log.Print(w)
//	}
//	f.Server.Logger = logger // what text can not hold
//	srv, err := wsserver.New(wsserver.Class[Echo](), f.Server)
//
// The keys are the names of the Go fields in lower case with underscores, the same in
// all formats; docs/configuration.md lists them. Times are written "10s", sizes "1MiB"
// or as numbers of bytes.
//
// Reading is strict. A key that is unknown, there twice, of the wrong type or out of
// range is an [*Error] with file, line and column; all of them are joined. What a value
// means to the server is checked by wsserver.New.
//
// A file has no secrets: passwords come from the environment or from files of their
// own, through the keys that end in _env and _file. Nothing in a file is expanded, and
// nothing else is read from the environment.
//
// All functions may be called from any goroutine.
package config
