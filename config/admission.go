package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/icsws/icsws/admit"
)

// rate is how often something may happen.
var rate = func() codec[admit.Rate] {
	c := rateText
	c.write = func(w *writer, r admit.Rate) (value, bool) {
		if r.Per == 0 && r.Count != 0 {
			r.Per = time.Second // what it means
		}
		return rateText.write(w, r)
	}
	return c
}()

var rateText = parsed(`rate, such as 20/1m or "20/1m burst 5"`, admit.ParseRate, func(r admit.Rate) string {
	if r == (admit.Rate{}) {
		return ""
	}
	s := fmt.Sprintf("%d/%v", r.Count, r.Per)
	if r.Burst != 0 {
		s += fmt.Sprintf(" burst %d", r.Burst)
	}
	return s
})

// clientIPHeader is written as it is in requests.
var clientIPHeader = choice(word[string]{"", ""}, word[string]{"Forwarded", "Forwarded"},
	word[string]{"X-Forwarded-For", "X-Forwarded-For"}, word[string]{"X-Real-IP", "X-Real-IP"})

var banShape = shape[admit.BanRule]{keys: table[admit.BanRule]{
	at("after", func(b *admit.BanRule) *int { return &b.After }, whole[int](0, 65535), "violations that make a ban; 0 is none"),
	at("within", func(b *admit.BanRule) *time.Duration { return &b.Within }, duration, "from the first of them to the last; 1m unless set"),
	at("for", func(b *admit.BanRule) *time.Duration { return &b.For }, duration, "how long the ban is; 10m unless set"),
}}

// numbers is a table of numbers under names of the configuration.
var numbers = codec[map[string]int]{form: "table of numbers",
	read: func(r *reader, v value) (map[string]int, bool) {
		if v.kind != dict {
			r.mistyped(v, "a table of numbers")
			return nil, false
		}
		var out map[string]int
		for _, e := range v.keys {
			r.within(keyName(e.name), func() {
				if n, ok := counter.read(r, e.value); ok {
					if out == nil {
						out = make(map[string]int)
					}
					out[e.name] = n
				}
			})
		}
		return out, true
	},
	write: func(w *writer, m map[string]int) (value, bool) {
		v := value{kind: dict}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			w.within(keyName(name), func() {
				x, _ := counter.write(w, m[name])
				v.keys = append(v.keys, entry{name: w.text(name).text, value: x})
			})
		}
		return v, len(m) > 0
	},
}
