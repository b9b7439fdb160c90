package wsserver

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/icsws/icsws/banner"
)

// O-01, O-22: the warnings are about the configuration in force.
func TestWarningsFollowUpdate(t *testing.T) {
	srv, err := New(NoClients(), Config{AllowedOrigins: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if err := srv.Update(context.Background(), func(c *Config) { c.Banner = banner.Policy{MaxClients: 1 << 30} }); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(srv.Warnings(), "\n")
	if runtime.GOOS == "linux" && !strings.Contains(got, "1073741824 clients") {
		t.Errorf("the warnings are %q", got)
	}
}
