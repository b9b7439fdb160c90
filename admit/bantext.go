package admit

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// The text of a set of bans: a line for each, with the fields
//
//	prefix  until  since  set|auto  reason
//
// and one space between them. Times are RFC 3339 in UTC, "-" is no end, and the reason
// may be empty or have spaces. Empty lines and those that begin with "#" are comments.
const banComment = "# prefix until since set|auto reason\n"

// Snapshot writes the bans in force as a text for Restore. No lock is held meanwhile.
func (b *Bans) Snapshot(w io.Writer) error {
	buf := bufio.NewWriter(w)
	_, _ = buf.WriteString(banComment)
	for _, ban := range b.List() {
		until, by := "-", "set"
		if !ban.Until.IsZero() {
			until = ban.Until.UTC().Format(time.RFC3339Nano)
		}
		if ban.Auto {
			by = "auto"
		}
		_, _ = fmt.Fprintf(buf, "%v %s %s %s %s\n", ban.Prefix, until, ban.Since.UTC().Format(time.RFC3339Nano), by, ban.Reason)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("admit: snapshot of bans: %w", err)
	}
	return nil
}

// Restore adds the bans of a text that Snapshot wrote, and returns how many they were.
// Those that are over are left out; one takes the place of a ban of the same prefix. It
// adds all or none: a line that is none is an [*EntryError] with [ErrBan], and too many
// lines are [ErrTooManyBans].
func (b *Bans) Restore(r io.Reader) (n int, err error) {
	now := b.clock()
	read, err := b.parse(r, now)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep = time.Time{}
	b.sweepLocked(now)
	fresh := make(map[netip.Prefix]bool)
	for i := range read {
		if _, ok := b.kept[read[i].Prefix]; !ok {
			fresh[read[i].Prefix] = true
		}
	}
	if len(b.kept)+len(fresh) > b.most {
		return 0, ErrTooManyBans
	}
	for _, ban := range read {
		b.keepLocked(ban, now)
	}
	return len(read), nil
}

// parse reads the bans of a text that are not over.
func (b *Bans) parse(r io.Reader, now time.Time) (read []Ban, err error) {
	b.mu.RLock()
	most := b.most
	b.mu.RUnlock()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	line := 0
	for lines.Scan() {
		line++
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		ban, err := parseBan(text)
		if err != nil {
			return nil, &EntryError{Line: line, Entry: excerpt(text), Err: err}
		}
		if ban.over(now) {
			continue
		}
		if len(read) == most {
			return nil, ErrTooManyBans
		}
		read = append(read, ban)
	}
	if err := lines.Err(); err != nil {
		return nil, &EntryError{Line: line + 1, Err: fmt.Errorf("%w: %w", ErrBan, err)}
	}
	return read, nil
}

func parseBan(line string) (ban Ban, err error) {
	prefix, rest, _ := strings.Cut(line, " ")
	until, rest, _ := strings.Cut(rest, " ")
	since, rest, _ := strings.Cut(rest, " ")
	by, reason, _ := strings.Cut(rest, " ")
	p, err := netip.ParsePrefix(prefix)
	if err != nil || unmapped(p) != p {
		return ban, fmt.Errorf("%w: prefix %q", ErrBan, prefix)
	}
	ban = Ban{Prefix: p, Reason: clean(reason), Auto: by == "auto"}
	if !ban.Auto && by != "set" {
		return ban, fmt.Errorf("%w: %q is not set or auto", ErrBan, by)
	}
	if ban.Since, err = parseTime(since); err != nil {
		return ban, fmt.Errorf("%w: since %q", ErrBan, since)
	}
	if until != "-" {
		if ban.Until, err = parseTime(until); err != nil || ban.Until.IsZero() {
			return ban, fmt.Errorf("%w: until %q", ErrBan, until)
		}
	}
	return ban, nil
}

// parseTime takes times that Snapshot can write, in any zone.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if t = t.UTC(); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = ErrBan
	}
	return t, err
}
