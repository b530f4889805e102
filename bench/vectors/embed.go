package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// embed writes the vectors of the texts to path as little-endian float32, row after row, asking a running
// Parley for them. What an earlier call wrote is kept: it goes on from there.
func embed(url, key, model, path string, texts []string) error {
	const batch = 256
	out, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck
	info, err := out.Stat()
	if err != nil {
		return err
	}
	done := int(info.Size()) / (4 * dims) / batch * batch
	if _, err := out.Seek(int64(done*4*dims), io.SeekStart); err != nil {
		return err
	}
	for ; done < len(texts); done += batch {
		part := texts[done:min(done+batch, len(texts))]
		body, err := json.Marshal(map[string]any{"model": model, "input": part, "encoding_format": "base64"})
		if err != nil {
			return err
		}
		req, err := http.NewRequest(http.MethodPost, url+"/v1/embeddings", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close() //nolint:errcheck
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", res.Status, text)
		}
		var answer struct {
			Data []struct {
				Embedding string
			}
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			return err
		}
		if len(answer.Data) != len(part) {
			return fmt.Errorf("%d vectors for %d texts", len(answer.Data), len(part))
		}
		for _, row := range answer.Data {
			raw, err := base64.StdEncoding.DecodeString(row.Embedding)
			if err != nil {
				return err
			}
			if len(raw) != 4*dims {
				return fmt.Errorf("a vector of %d bytes, not %d", len(raw), 4*dims)
			}
			if _, err := out.Write(raw); err != nil {
				return err
			}
		}
	}
	return nil
}
