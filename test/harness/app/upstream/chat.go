package upstream

import (
	"io"
	"net/http"

	"golang.org/x/net/websocket"
)

// chat echoes messages to pages of every origin.
func chat() http.Handler {
	return &websocket.Server{
		Handshake: func(c *websocket.Config, _ *http.Request) error {
			// The connection is hijacked. So the head of the response is sent without net/http.
			c.Header = http.Header{}
			for _, field := range Careless {
				c.Header.Set(field[0], field[1])
			}
			return nil
		},
		Handler: func(c *websocket.Conn) { _, _ = io.Copy(c, c) }, // until one side ends it
	}
}
