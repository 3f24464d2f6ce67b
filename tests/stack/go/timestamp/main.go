// timestamp is Sigstore's own timestamp authority without what its main binds to a port that cannot be chosen:
// the metrics. Two of it would not run on one machine.
package main

import (
	"flag"
	"log"
	"net"
	"strconv"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

const policy = "1.3.6.1.4.1.57264.2"

func main() {
	listen := flag.String("listen", "", "address and port")
	chain := flag.String("chain", "", "certificates of the authority, the one it signs with first, PEM")
	key := flag.String("key", "", "private key of the first certificate, PEM")
	flag.Parse()

	host, port, err := net.SplitHostPort(*listen)
	if err != nil {
		log.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]any{
		"timestamp-signer":         "file",
		"timestamp-signer-hash":    "sha256",
		"file-signer-key-path":     *key,
		"certificate-chain-path":   *chain,
		"enforce-intermediate-eku": true,
		"default-policy-oid":       policy,
		"accepted-policy-oids":     []string{policy},
		"max-request-body-size":    1 << 20,
	} {
		viper.Set(name, value)
	}
	authority := server.NewRestAPIServer(host, number, []string{"http"}, false, 30*time.Second, 30*time.Second)
	log.Printf("timestamp authority on http://%s", *listen)
	log.Fatal(authority.Serve())
}
