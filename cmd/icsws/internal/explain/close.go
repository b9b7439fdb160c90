package explain

// closes are the close codes of RFC 6455 section 7.4.1 and of IANA's registry.
func closes() []text {
	return []text{
		{1000, "normal closure", "The connection has done what it was for.", ""},
		{1001, "going away", "A server is going down, or a page was left.", "Connect again, after a while that is partly random."},
		{1002, "protocol error", "The other side has seen a frame that breaks RFC 6455.", "One of the two libraries, or something between them that changes bytes, is at fault."},
		{1003, "unsupported data", "The kind of message, text or binary, is not taken there.", "Send the other kind."},
		{1004, "reserved", "It has no meaning, and must not be sent.", ""},
		{1005, "no code", "The close frame had no code. It is never sent itself: a library says so.", ""},
		{1006, "abnormal closure", "The connection ended without a close frame. It is never sent itself: a library says so.", "The peer has crashed, the network is gone, a proxy has cut an idle connection, or the handshake has failed. \"icsws check\" tells them apart."},
		{1007, "invalid payload", "A text message was not UTF-8, or compressed data could not be read.", "Send such data as binary; try without compression."},
		{1008, "policy violation", "The message, or the client, is against the rules of the other side.", "Do not simply connect again: it would end in the same way."},
		{1009, "message too big", "The message is longer than the other side takes.", "Send it in parts, or raise the limit there (MaxMessageSize)."},
		{1010, "extension required", "The client wanted an extension that the server has not agreed to.", ""},
		{1011, "internal error", "The server has met something that it was not prepared for.", "Look into its log."},
		{1012, "service restart", "The server is restarting.", "Connect again, after a while that is partly random."},
		{1013, "try again later", "The server has too much to do.", "Connect again later, with growing pauses."},
		{1014, "bad gateway", "A gateway has got a wrong answer from the server behind it.", "Check the server behind it."},
		{1015, "TLS handshake", "TLS could not be set up. It is never sent itself: a library says so.", "\"icsws cert HOST\" says what is wrong with the certificate."},
	}
}
