package wsserver

import (
	"iter"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/groups"
)

// Group is a name under which clients of one server come together: a room, a game,
// a subject (C-22). It is a light handle, made by [Server.Group] and valid as long as
// the server; two of one name are the same group. The group itself exists while it has
// members: nothing makes or deletes it, and an empty one costs nothing.
//
// A client may be in any number of groups. It leaves all of them when it is no
// longer among Server.Clients, just before OnClientDisconnect. Members need not stay
// the same while a method works: it sees them as they were at one moment.
//
// Joining and leaving take the same time in large groups, and a broadcast depends
// on the members alone, not on the other clients. All methods may be called from any
// goroutine, in events too.
type Group[T client.Client] struct {
	core *core
	name string
}

// Group returns the group of that name, whether or not it has members. Any string is
// a name; whoever takes it from a request bounds its length.
func (s *Server[T]) Group(name string) *Group[T] { return &Group[T]{&s.core, name} }

// Groups returns the names of the groups that have members, sorted.
func (s *Server[T]) Groups() []string { return s.groups.Names() }

// GroupsOf returns the names of the groups that c is in, sorted; none once it is
// disconnected.
func (s *Server[T]) GroupsOf(c T) []string {
	if sess := s.core.session(c); sess != nil {
		return inGroups(sess).Names()
	}
	return nil
}

// Name returns the name of the group.
func (g *Group[T]) Name() string { return g.name }

// Join makes c a member. It may, from its OnClientConnect on; what is sent to the
// group before its banner is out follows the banner. To be a member already is no
// error. The error wraps client.ErrNoClient when c is not a connected client of this
// server: its handshake is not answered yet, it has ended, it belongs to another
// server, or it is one over the limit that handlers are told of.
func (g *Group[T]) Join(c T) error {
	sess := g.core.session(c)
	if sess == nil || !g.core.groups.Join(g.name, inGroups(sess), sess) {
		return errorf("wsserver: group %q: %w", g.name, client.ErrNoClient)
	}
	return nil
}

// Leave ends the membership of c and reports whether there was one.
func (g *Group[T]) Leave(c T) bool {
	sess := g.core.session(c)
	return sess != nil && g.core.groups.Leave(g.name, inGroups(sess))
}

// Has reports whether c is a member.
func (g *Group[T]) Has(c T) bool {
	sess := g.core.session(c)
	return sess != nil && inGroups(sess).Has(g.name)
}

// Len returns the number of members.
func (g *Group[T]) Len() int { return g.core.groups.Len(g.name) }

// Members iterates over the members, in no order, as they are when the loop begins.
// No lock is held: the loop may disconnect, broadcast, and change the group.
func (g *Group[T]) Members() iter.Seq[T] {
	return func(yield func(T) bool) {
		for sess := range g.core.groups.All(g.name) {
			if !yield(sess.Client.(T)) {
				return
			}
		}
	}
}

// Broadcast sends m to every member that passes all filters, and returns how many
// took it. It is [Server.Broadcast] for the members: one frame, no waiting, and behind
// the banner of who is connecting.
func (g *Group[T]) Broadcast(m client.Message, filters ...Filter) int {
	return g.core.broadcastCount(m, g.core.groups.All(g.name), filters)
}

// BroadcastResults is Broadcast with a result for each member that passed the
// filters, see [Server.BroadcastResults].
func (g *Group[T]) BroadcastResults(m client.Message, filters ...Filter) ([]SendResult, error) {
	return g.BroadcastWith(m, client.SendOptions{}, filters...)
}

// BroadcastWith is BroadcastResults with options, see [Server.BroadcastWith].
func (g *Group[T]) BroadcastWith(m client.Message, o client.SendOptions, filters ...Filter) ([]SendResult, error) {
	return g.core.broadcastResults(m, o, g.core.groups.All(g.name), filters)
}

// session returns the session of a client that is connected to this server, else nil.
func (s *core) session(c client.Client) *engine.Session {
	if isNil(c) {
		return nil
	}
	conn := facts(c) // a class may have an ID of its own
	if conn == nil {
		return nil
	}
	sess, ok := s.registry.Get(conn.ID)
	if !ok || &sess.Link != conn {
		return nil
	}
	return sess
}

// inGroups is what a session keeps of its groups.
func inGroups(sess *engine.Session) *groups.Member[*engine.Session] {
	return &sess.Data.(*admission).groups
}
