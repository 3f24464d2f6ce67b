// fulcio is Fulcio's own server with a certificate authority out of two files, for tests.
//
// What it adds to the libraries is the life of its certificates: a test of their renewal cannot wait ten minutes.
package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/sigstore/fulcio/pkg/ca"
	"github.com/sigstore/fulcio/pkg/ca/baseca"
	"github.com/sigstore/fulcio/pkg/config"
	"github.com/sigstore/fulcio/pkg/generated/protobuf"
	"github.com/sigstore/fulcio/pkg/identity"
	"github.com/sigstore/fulcio/pkg/server"
	v1 "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// authority issues certificates whose life can be chosen; Fulcio's own last ten minutes.
type authority struct {
	baseca.BaseCA
	lifetime time.Duration
}

func (a *authority) CreatePrecertificate(
	ctx context.Context, principal identity.Principal, key crypto.PublicKey,
) (*ca.CodeSigningPreCertificate, error) {
	made, err := a.BaseCA.CreatePrecertificate(ctx, principal, key)
	if err != nil {
		return nil, err
	}
	template := made.PreCert
	template.NotAfter = time.Now().Add(a.lifetime)
	template.ExtraExtensions = template.Extensions
	der, err := x509.CreateCertificate(rand.Reader, template, made.CertChain[0], key, made.PrivateKey)
	if err != nil {
		return nil, err
	}
	made.PreCert, err = x509.ParseCertificate(der)
	return made, err
}

func newAuthority(chain, key string, lifetime time.Duration) *authority {
	certificates := must(cryptoutils.UnmarshalCertificatesFromPEM(must(os.ReadFile(chain))))
	private := must(cryptoutils.UnmarshalPEMToPrivateKey(must(os.ReadFile(key)), cryptoutils.SkipPassword))
	signer := &ca.SignerCerts{Certs: certificates, Signer: private.(crypto.Signer)}
	return &authority{baseca.BaseCA{SignerWithChain: signer}, lifetime}
}

func main() {
	listen := flag.String("listen", "", "address and port")
	issuers := flag.String("config", "", "Fulcio's configuration: whose tokens it takes")
	chain := flag.String("chain", "", "certificates of the authority, the issuing one first, PEM")
	key := flag.String("key", "", "private key of the issuing certificate, PEM")
	ctlog := flag.String("ct", "", "URL of the certificate log")
	lifetime := flag.Duration("lifetime", 10*time.Minute, "life of the certificates it issues")
	flag.Parse()
	ctx := context.Background()

	cfg := must(config.Load(*issuers))
	ct := must(client.New(*ctlog, &http.Client{Timeout: 10 * time.Second}, jsonclient.Options{}))
	algorithms := must(signature.NewAlgorithmRegistryConfig([]v1.PublicKeyDetails{
		v1.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
		v1.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384,
		v1.PublicKeyDetails_PKIX_ED25519,
	}))
	withConfig := func(c context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(config.With(c, cfg), r)
	}
	service := server.NewGRPCCAServer(ct, newAuthority(*chain, *key, *lifetime), algorithms, server.NewIssuerPool(cfg))
	rpc := grpc.NewServer(grpc.UnaryInterceptor(withConfig))
	protobuf.RegisterCAServer(rpc, service)
	inner := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() { log.Fatal(rpc.Serve(inner)) }()

	// the token stands in the header, where the server library reads it from the call's metadata
	mux := runtime.NewServeMux(runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		return metadata.Pairs(server.MetadataOIDCTokenKey, token)
	}))
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := protobuf.RegisterCAHandlerFromEndpoint(ctx, mux, inner.Addr().String(), options); err != nil {
		log.Fatal(err)
	}
	log.Printf("Fulcio on http://%s", *listen)
	log.Fatal(http.ListenAndServe(*listen, mux))
}
