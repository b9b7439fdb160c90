package wsserver

import (
	"errors"
	"testing"
)

// O-02: a target and a part of it are the same setting, in whichever order they come.
func TestTargetAndItsPartsAreOneSetting(t *testing.T) {
	for _, settings := range []map[string]string{
		{"DefaultForwardHost": "a.example", "Forward": "tcp://b.example:1"},
		{"Forward": "tcp://b.example:1", "forward.port": "2"},
		{"forward.url": "tcp://a.example:1", "FORWARD": "tcp://b.example:1"},
	} {
		if c, err := ParseConfig(settings); !errors.Is(err, ErrSettingConflict) {
			t.Errorf("%v: %v, %+v", settings, err, c.Forward)
		}
	}
	for _, settings := range []map[string]string{
		{"DefaultForwardHost": "a.example", "DefaultForwardPort": "1"},
		{"Forward": "tcp://a.example:1", "forward.dial_timeout": "2s", "forward.text": "true"},
		{"forward.dial_timeout": "2s", "Forward": "tcp://a.example:1"},
		{"FORWARD.Dial_Timeout": "2s", "forward": "tcp://a.example:1"},
	} {
		c, err := ParseConfig(settings)
		if err != nil || c.Forward.Host != "a.example" || c.Forward.Port != 1 || len(settings) != 2 && !c.Forward.Text {
			t.Errorf("%v: %v, %+v", settings, err, c.Forward)
		}
		if _, one := settings["DefaultForwardHost"]; err == nil && !one && c.Forward.DialTimeout == 0 {
			t.Errorf("%v: the time is lost", settings)
		}
	}
}
