package benefit

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
)

// DownloadableFile is a file of a benefit with how often it was downloaded.
// There are no files yet; the shape is that of the contract.
type DownloadableFile struct {
	ID                   id.ID       `json:"id" doc:"The ID of the file."`
	OrganizationID       id.ID       `json:"organization_id" doc:"The organization that owns the file."`
	Name                 string      `json:"name" doc:"The name under which it is downloaded."`
	Path                 string      `json:"path" doc:"Where it is stored."`
	MimeType             string      `json:"mime_type" doc:"What kind of file it is."`
	Size                 int64       `json:"size" doc:"Its size in bytes."`
	StorageVersion       *string     `json:"storage_version"`
	ChecksumETag         *string     `json:"checksum_etag"`
	ChecksumSHA256Base64 *string     `json:"checksum_sha256_base64"`
	ChecksumSHA256Hex    *string     `json:"checksum_sha256_hex"`
	LastModifiedAt       *time.Time  `json:"last_modified_at"`
	Version              *string     `json:"version"`
	Service              fileService `json:"service" const:"downloadable" doc:"What it is for."`
	IsUploaded           bool        `json:"is_uploaded" doc:"Whether all of it has arrived."`
	CreatedAt            time.Time   `json:"created_at" doc:"When it was created."`
	FlaggedMaliciousAt   *time.Time  `json:"flagged_malicious_at" doc:"When it was found to do harm."`
	Downloaders          int64       `json:"downloaders" doc:"How many members, or customers, have downloaded it."`
	Downloads            int64       `json:"downloads" doc:"How often it was downloaded."`
	SizeReadable         string      `json:"size_readable" doc:"Its size, for people."`
}

// SchemaName is the name of the reference.
func (DownloadableFile) SchemaName() string { return "BenefitDownloadableFile" }

type fileService string

type filesInput struct {
	byIDInput
	listing.Page
}

func (s *Service) files(ctx context.Context, sub auth.Subject, in filesInput) (listing.Result[DownloadableFile], error) {
	r, err := byID(ctx, s.DB, visible(&sub), in.ID, "")
	if err == nil && r.Type != Downloadables {
		err = fault.NotFound.New()
	}
	return listing.Empty[DownloadableFile](), err
}
