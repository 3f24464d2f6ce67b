// rekor1 is Rekor v1's own server over a Trillian in memory, for tests.
//
// It forgets its entries when it ends. Its key is a file, so that it is the same log when it starts again.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"

	"github.com/go-openapi/loads"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/testonly/integration"
	"github.com/sigstore/rekor/pkg/api"
	"github.com/sigstore/rekor/pkg/generated/restapi"
	"github.com/sigstore/rekor/pkg/generated/restapi/operations"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1"
	"github.com/spf13/viper"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	listen := flag.String("listen", "", "address and port")
	origin := flag.String("origin", "", "name the log signs its checkpoints with")
	key := flag.String("key", "", "private key of the log, PEM")
	flag.Parse()

	trees := memory.NewTreeStorage()
	env := must(integration.NewLogEnvWithRegistry(context.Background(), 1, extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager: quota.Noop(),
	}))
	host, port, err := net.SplitHostPort(env.Address)
	if err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]any{
		"trillian_log_server.address": host,
		"trillian_log_server.port":    port,
		"rekor_server.hostname":       *origin,
		"rekor_server.signer":         *key,
		"enable_retrieve_api":         false,
		"max_request_body_size":       10 << 20,
		"enabled_api_endpoints": []string{
			"getLogInfo", "getPublicKey", "getLogProof", "createLogEntry", "getLogEntryByIndex", "getLogEntryByUUID",
		},
	} {
		viper.Set(name, value)
	}
	types.SetAllowedKindsForSubmission([]string{"dsse", "hashedrekord"})
	api.ConfigureAPI(0)
	routes := operations.NewRekorServerAPI(must(loads.Embedded(restapi.SwaggerJSON, restapi.FlatSwaggerJSON)))
	server := restapi.NewServer(routes)
	server.ConfigureAPI()
	log.Printf("Rekor v1 on http://%s", *listen)
	log.Fatal(http.ListenAndServe(*listen, server.GetHandler()))
}
