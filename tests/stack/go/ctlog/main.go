// ctlog is a certificate transparency log (RFC 6962) for tests: Google's own server over a Trillian in memory.
//
// It forgets its entries when it ends. Its key is a file, so that it is the same log when it starts again.
package main

import (
	"context"
	"encoding/pem"
	"flag"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/certificate-transparency-go/trillian/ctfe"
	"github.com/google/certificate-transparency-go/trillian/ctfe/configpb"
	"github.com/google/trillian"
	"github.com/google/trillian/client"
	"github.com/google/trillian/crypto/keys"
	"github.com/google/trillian/crypto/keys/der"
	"github.com/google/trillian/crypto/keyspb"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/testonly/integration"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	listen := flag.String("listen", "", "address and port")
	key := flag.String("key", "", "private key of the log, PEM")
	roots := flag.String("roots", "", "certificates of the authorities it logs for, PEM")
	flag.Parse()
	ctx := context.Background()

	block, _ := pem.Decode(must(os.ReadFile(*key)))
	if block == nil {
		log.Fatalf("%s: no PEM", *key)
	}
	keys.RegisterHandler(&keyspb.PrivateKey{}, der.FromProto)
	trees := memory.NewTreeStorage()
	env := must(integration.NewLogEnvWithRegistry(ctx, 1, extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager: quota.Noop(),
	}))
	tree := must(client.CreateAndInitTree(ctx, &trillian.CreateTreeRequest{Tree: &trillian.Tree{
		TreeState:       trillian.TreeState_ACTIVE,
		TreeType:        trillian.TreeType_LOG,
		DisplayName:     "ct",
		MaxRootDuration: durationpb.New(time.Hour),
	}}, env.Admin, env.Log))
	validated := must(ctfe.ValidateLogConfig(&configpb.LogConfig{
		LogId:                 tree.TreeId,
		Prefix:                "ct",
		RootsPemFile:          []string{*roots},
		PrivateKey:            must(anypb.New(&keyspb.PrivateKey{Der: block.Bytes})),
		ExtKeyUsages:          []string{"CodeSigning"},
		MaxMergeDelaySec:      60,
		ExpectedMergeDelaySec: 1,
	}))
	instance := must(ctfe.SetUpInstance(ctx, ctfe.InstanceOptions{
		Validated:     validated,
		Client:        env.Log,
		Deadline:      10 * time.Second,
		MetricFactory: monitoring.InertMetricFactory{},
		RequestLog:    new(ctfe.DefaultRequestLog),
		CacheType:     "noop",
	}))
	mux := http.NewServeMux()
	for path, handler := range instance.Handlers {
		mux.Handle(path, handler)
	}
	log.Printf("certificate log on http://%s/ct", *listen)
	log.Fatal(http.ListenAndServe(*listen, mux))
}
