package documents

import "github.com/parley-ai/parley/internal/fault"

// Limits of one document. They are far above what people write and far below what harms a server.
const (
	maxText     = 32 << 20  // bytes of text of one document: about eight million tokens
	maxFile     = 512 << 20 // bytes of a file, as POST /v1/files takes
	maxUnpacked = 256 << 20 // bytes of one archive's parts together, unpacked
	maxPart     = 128 << 20 // bytes of one part of an archive, unpacked
	maxParts    = 20_000    // parts of an archive
	maxDepth    = 256       // elements inside one another in XML, JSON and HTML
	maxBlocks   = 1_000_000
	maxMimeDeep = 8 // mails in mails
)

// Codes of errors, as `last_error.code` of a vector store's file has them.
const (
	CodeUnsupported = "unsupported_file" // no reader for this format, or a program is missing
	CodeInvalid     = "invalid_file"     // broken, encrypted, empty, or too large
)

func unsupported(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode(CodeUnsupported)
}

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, format, args...).WithCode(CodeInvalid)
}
