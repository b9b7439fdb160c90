package explain

// statuses are the answers that handshakes get, as seen from a client.
func statuses() []text {
	return []text{
		{101, "Switching Protocols", "The handshake has succeeded.", ""},
		{200, "OK", "A page answers where a WebSocket was asked for.", "Check the path. If it is right, a proxy before the server does not pass the Upgrade header on."},
		{301, "Moved Permanently", "The address has changed. Browsers do not follow it for a WebSocket.", "Use the address in Location, with ws or wss."},
		{302, "Found", "Another address is meant for now. Browsers do not follow it for a WebSocket.", "Use the address in Location; if it is a page to log in, bring a cookie or token."},
		{307, "Temporary Redirect", "Another address is meant for now. Browsers do not follow it for a WebSocket.", "Use the address in Location, with ws or wss."},
		{308, "Permanent Redirect", "The address has changed. Browsers do not follow it for a WebSocket.", "Use the address in Location, with ws or wss."},
		{400, "Bad Request", "The server takes the request for no proper handshake.", "A required sub-protocol may be missing, a proxy may have dropped Upgrade or Connection, or the port speaks TLS."},
		{401, "Unauthorized", "The server wants to know who you are.", "Send an Authorization header or a cookie; browsers can send cookies only."},
		{403, "Forbidden", "The server knows who you are, or does not care, and says no.", "Often the Origin is not among those allowed, or the address is blocked."},
		{404, "Not Found", "There is nothing at this path.", "Check the path; it matters whether it ends in a slash."},
		{405, "Method Not Allowed", "The path is there, but takes no GET, with which handshakes are made.", "Check the path."},
		{407, "Proxy Authentication Required", "The proxy wants to know who you are.", "Put name and password into the address of the proxy."},
		{408, "Request Timeout", "The handshake was not there in time.", "The link is slow, or something holds the request up."},
		{410, "Gone", "There was something at this path, and never will be again.", "Ask who runs the service for the new address."},
		{421, "Misdirected Request", "The server is not responsible for this host name.", "Check the name, and the Host header that a proxy passes on."},
		{426, "Upgrade Required", "The path is for WebSockets, but the Upgrade header did not arrive.", "A proxy drops it: it needs HTTP/1.1 to the server, and Upgrade and Connection passed on. Or another version of the protocol is wanted."},
		{429, "Too Many Requests", "You ask too often, or have too many connections.", "Wait as long as Retry-After says."},
		{431, "Request Header Fields Too Large", "The header of the request is too long.", "Clear the cookies of the site, or raise the limit (MaxHeaderBytes)."},
		{500, "Internal Server Error", "The server has failed with the request.", "Look into its log."},
		{501, "Not Implemented", "The server does not know WebSockets.", "Check host and port."},
		{502, "Bad Gateway", "A proxy has got no proper answer from the server behind it.", "Check whether the server runs, and whether the proxy has its address and port, and speaks TLS with it or not as it wants."},
		{503, "Service Unavailable", "The server is overloaded, full, or shutting down.", "Wait as long as Retry-After says."},
		{504, "Gateway Timeout", "The server behind a proxy has not answered in time.", "Check whether it runs and can be reached from the proxy."},
		{505, "HTTP Version Not Supported", "The server does not take HTTP/1.1, with which handshakes are made.", "Check host and port."},
		{520, "of Cloudflare: unknown error", "The server behind Cloudflare has answered with something that is not HTTP.", "Look into its log."},
		{521, "of Cloudflare: web server is down", "The server behind Cloudflare has refused the connection.", "Check whether it runs, and lets Cloudflare's addresses in."},
		{522, "of Cloudflare: connection timed out", "The server behind Cloudflare has not taken the connection in time.", "Check whether it runs, and its firewall."},
		{523, "of Cloudflare: origin is unreachable", "Cloudflare finds no way to the server.", "Check the address in its settings."},
		{524, "of Cloudflare: a timeout occurred", "The server behind Cloudflare has taken the request and not answered.", "Look into its log."},
		{525, "of Cloudflare: SSL handshake failed", "TLS between Cloudflare and the server has failed.", "Check the server with \"icsws cert\"."},
		{526, "of Cloudflare: invalid SSL certificate", "Cloudflare does not trust the server's certificate.", "Check the server with \"icsws cert\"."},
	}
}
