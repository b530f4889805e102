package cloud

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcp"

	"github.com/parley-ai/parley/internal/egress"
)

// openS3 opens a bucket of S3, or of a server that speaks like it at the endpoint. Credentials are those of AWS's own tools:
// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the machine's role.
func openS3(ctx context.Context, bucket string, q url.Values) (*blob.Bucket, error) {
	// AWS's own client, which knows its settings (AWS_CA_BUNDLE), on our dialer.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = egress.Dialer(egress.Operator).DialContext
	})
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithHTTPClient(client)}
	if region := q.Get("region"); region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	endpoint := q.Get("endpoint")
	service := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Region = cmp.Or(o.Region, "us-east-1")
		o.UsePathStyle = q.Get("path_style") == "true"
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			// Servers that speak like S3 do not all know its newer checksums.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})
	return s3blob.OpenBucket(ctx, service, bucket, nil)
}

// openGCS opens a bucket of Google Cloud Storage with the application default credentials.
func openGCS(ctx context.Context, bucket string, _ url.Values) (*blob.Bucket, error) {
	creds, err := gcp.DefaultCredentials(ctx)
	if err != nil {
		return nil, err
	}
	client, err := gcp.NewHTTPClient(egress.Transport(egress.Operator), gcp.CredentialsTokenSource(creds))
	if err != nil {
		return nil, err
	}
	return gcsblob.OpenBucket(ctx, client, bucket, nil)
}

// openAzure opens a container of Azure Blob Storage. Credentials are AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or those of Azure's
// own tools; the account is the URL's or AZURE_STORAGE_ACCOUNT.
func openAzure(ctx context.Context, name string, q url.Values) (*blob.Bucket, error) {
	account := cmp.Or(q.Get("account"), os.Getenv("AZURE_STORAGE_ACCOUNT"))
	if account == "" {
		return nil, errors.New("name the storage account: azblob://CONTAINER?account=NAME, or AZURE_STORAGE_ACCOUNT")
	}
	address := strings.TrimSuffix(cmp.Or(q.Get("endpoint"), "https://"+account+".blob.core.windows.net"), "/") + "/" + name
	options := &container.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: egress.Client(egress.Operator)}}
	client, err := azureClient(address, account, options)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(ctx, client, nil)
}

func azureClient(address, account string, options *container.ClientOptions) (*container.Client, error) {
	if key := os.Getenv("AZURE_STORAGE_KEY"); key != "" {
		cred, err := container.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, err
		}
		return container.NewClientWithSharedKeyCredential(address, cred, options)
	}
	if token := os.Getenv("AZURE_STORAGE_SAS_TOKEN"); token != "" {
		return container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(token, "?"), options)
	}
	cred, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions})
	if err != nil {
		return nil, err
	}
	return container.NewClient(address, cred, options)
}
