package banner

import "net/http"

// Limit lets at most MaxClients requests at once into next. For a handler that
// serves a WebSocket until it ends, these are clients. A place is given back when
// next returns or panics.
//
// One too many is answered by [Policy.RefuseHTTP], or, with [Drop], aborted
// (http.ErrAbortHandler). A middleware can not upgrade: with [UpgradeThenClose] it
// answers as with [HTTP503].
func (g *Gate) Limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var place Place
		if err := g.Enter(&place); err != nil {
			if g.policy.Mode == Drop {
				panic(http.ErrAbortHandler)
			}
			g.policy.RefuseHTTP(w)
			return
		}
		defer place.Leave()
		next.ServeHTTP(w, r)
	})
}
