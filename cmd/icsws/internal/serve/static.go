package serve

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/wsserver"
)

func staticCommand() *cli.Command {
	return &cli.Command{
		Name: "serve static", Args: "FOLDER", Min: 1, Max: 1, Files: true,
		Short: "run a server of files, with an echo at every path",
		Long: "The files of FOLDER are for browsers; a WebSocket to any path is an echo. So a page can be tried " +
			"without a server of its own. Names that begin with a dot are not shown, and links do not lead out " +
			"of the folder.\n\n" + common,
		Examples: []cli.Example{
			{Text: "The page in this folder", Line: "icsws serve static ."},
			{Text: "For a browser that wants https", Line: "icsws serve static --self-signed --addr localhost:8443 public"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			o := new(options)
			o.declare(f)
			return func(ctx context.Context, env *cli.Env, args []string) error {
				root, err := os.OpenRoot(args[0])
				if err != nil {
					return err
				}
				defer root.Close()
				return serve(ctx, env, o, wsserver.Class[echo](), true, func(c *wsserver.Config) {
					patient(c)
					c.HTTP = http.FileServerFS(visible{root.FS()})
					if c.HTTPTimeout == 0 {
						c.HTTPTimeout = 10 * time.Minute // large files, slow links
					}
				})
			}
		},
	}
}

// visible hides the names that begin with a dot.
type visible struct{ fs.FS }

// Open opens a file, or a folder that lists what may be seen.
func (v visible) Open(name string) (fs.File, error) {
	for part := range strings.SplitSeq(name, "/") {
		if hidden(part) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	// A pipe would hold Open up until somebody writes to it, and a device is no page.
	if info, err := fs.Stat(v.FS, name); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := v.FS.Open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist} // a link that leads out among them
	}
	if d, ok := f.(fs.ReadDirFile); ok && isFolder(f) {
		return folder{d}, nil
	}
	return f, nil // as it is: it can seek, and be sent by the kernel
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." }

func isFolder(f fs.File) bool {
	info, err := f.Stat()
	return err == nil && info.IsDir()
}

// folder is a folder without the hidden names.
type folder struct{ fs.ReadDirFile }

func (d folder) ReadDir(n int) ([]fs.DirEntry, error) {
	list, err := d.ReadDirFile.ReadDir(n)
	seen := list[:0]
	for _, e := range list {
		if !hidden(e.Name()) {
			seen = append(seen, e)
		}
	}
	return seen, err
}
