package documents

import (
	"context"
	"errors"
	"image"
	_ "image/gif"  // sizes of GIF
	_ "image/jpeg" // sizes of JPEG
	_ "image/png"  // sizes of PNG
)

// maxPixels bounds images: what is larger is no page.
const maxPixels = 100_000_000

// readImage reads the text in an image with tesseract.
func readImage(ctx context.Context, f file, b *builder) error {
	if _, err := need("tesseract", "An image with text"); err != nil {
		return err
	}
	if c, _, err := image.DecodeConfig(f.reader()); err == nil && c.Width*c.Height > maxPixels {
		return invalid("The image has %d × %d pixels; at most %d million are read.", c.Width, c.Height, maxPixels/1_000_000)
	}
	dir, done, err := f.spool("image")
	if err != nil {
		return err
	}
	defer done()
	text, err := recognize(ctx, dir, "image")
	var exit *failed
	switch {
	case errors.As(err, &exit):
		return invalid("The image is broken: it could not be opened.").WithCause(err)
	case errors.Is(err, errLimit):
		return invalid("The image needed more time or memory than a file may take. Make it smaller.")
	case err != nil:
		return err
	}
	plainPage(text, b)
	if len(b.doc.Blocks) == 0 && b.err == nil {
		return invalid("No text was recognized in the image.")
	}
	return nil
}
