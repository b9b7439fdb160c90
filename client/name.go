package client

import (
	"strconv"

	"github.com/icsws/icsws/internal/link"
)

// connName is the name that Config.NewName gave, or the id.
func connName(c *link.Conn) string {
	if c.Name != "" {
		return c.Name
	}
	return strconv.FormatUint(c.ID, 10)
}
