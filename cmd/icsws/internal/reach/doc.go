// Package reach has the flags that say how a server is reached, and makes options of
// package dial of them. Besides it keeps what a peer says from moving the cursor.
//
//	var f reach.Flags
//	f.Declare(flags, "off")
//	…
//	o, err := f.Options(env, args[0])
//	c := dial.New(o, handler)
package reach
