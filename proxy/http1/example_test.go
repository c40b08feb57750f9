package http1_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

func ExampleReader() {
	client := strings.NewReader("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
	reader := http1.NewReader(client, new(http1.Pool))
	var request http1.Request
	if err := reader.Request(&request); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.Method, request.Path, request.Host)
	body := reader.Body(request.Framing)
	for {
		piece, err := body.Next() // valid until the next call
		if err != nil {
			fmt.Println(err == io.EOF)
			return
		}
		fmt.Printf("%s\n", piece)
	}
	// Output:
	// PUT /a localhost
	// hello
	// true
}
