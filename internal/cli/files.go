package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// fileObject is a file as /v1/files shows it.
type fileObject struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Bytes    int64  `json:"bytes"`
	Created  int64  `json:"created_at"`
	Expires  *int64 `json:"expires_at,omitempty"`
	Filename string `json:"filename"`
	Purpose  string `json:"purpose"`
	Status   string `json:"status"`
	Details  string `json:"status_details,omitempty"`
}

func filesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "files", Short: "Files of the API: list, upload, get, content, delete"}
	cmd.AddCommand(listFilesCommand(a), uploadFilesCommand(a), getFileCommand(a), fileContentCommand(a), deleteFilesCommand(a))
	return cmd
}

func listFilesCommand(a *app) *cobra.Command {
	var purpose string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the files, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				files, err := listFiles(cmd.Context(), c, purpose)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": files})
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tNAME\tPURPOSE\tSIZE\tSTATUS\tCREATED\tEXPIRES")
				for _, f := range files {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.ID, f.Filename, f.Purpose, bytesText(f.Bytes), f.Status, time.Unix(f.Created, 0).Format(time.DateTime), timeOrNever(f.Expires))
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&purpose, "purpose", "", "only files with this purpose, such as assistants")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// listFiles reads all pages.
func listFiles(ctx context.Context, c *client, purpose string) ([]fileObject, error) {
	all := []fileObject{}
	q := url.Values{}
	if purpose != "" {
		q.Set("purpose", purpose)
	}
	for {
		var page struct {
			Data []fileObject `json:"data"`
			More bool         `json:"has_more"`
		}
		if err := c.call(ctx, http.MethodGet, "/v1/files?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.More || len(page.Data) == 0 {
			return all, nil
		}
		q.Set("after", page.Data[len(page.Data)-1].ID)
	}
}

func uploadFilesCommand(a *app) *cobra.Command {
	var purpose string
	var keep time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "upload FILE… --purpose PURPOSE",
		Short: "Upload files, each of at most 512 MB, and print their ids",
		Example: `  parley files upload report.pdf --purpose assistants
  parley files upload examples.jsonl --purpose fine-tune --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if purpose == "" {
				return &usageError{cmd.CommandPath(), errors.New("say with --purpose what the file is for: assistants, fine-tune, batch, vision, user_data or evals")}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				for _, path := range args {
					f, err := uploadFile(cmd, c, path, purpose, keep)
					if err != nil {
						return fmt.Errorf("%s: %w", path, err)
					}
					if asJSON {
						err = json.NewEncoder(cmd.OutOrStdout()).Encode(f)
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), f.ID)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&purpose, "purpose", "", "what the files are for: assistants, fine-tune, batch, vision, user_data, evals")
	cmd.Flags().DurationVar(&keep, "expires", 0, "after which time they are deleted, from 1h to 720h (default: never)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the whole objects, as JSON")
	return cmd
}

// uploadFile sends a file as it reads it, and shows how far it is.
func uploadFile(cmd *cobra.Command, c *client, path, purpose string, keep time.Duration) (out fileObject, err error) {
	f, err := os.Open(path) // #nosec G304 -- the user names it
	if err != nil {
		return out, err
	}
	defer f.Close()
	show := newTicker(cmd.ErrOrStderr())
	count := show.count(bytesText)
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		w.CloseWithError(writeForm(form, io.TeeReader(f, count), filepath.Base(path), purpose, keep))
	}()
	resp, err := c.sendBody(cmd.Context(), http.MethodPost, "/v1/files", form.FormDataContentType(), body)
	_ = body.Close() // ends the writer when the server answered before it had all
	show.end()
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	return out, json.NewDecoder(resp.Body).Decode(&out)
}

func writeForm(form *multipart.Writer, content io.Reader, name, purpose string, keep time.Duration) error {
	if err := form.WriteField("purpose", purpose); err != nil {
		return err
	}
	if keep > 0 {
		if err := errors.Join(form.WriteField("expires_after[anchor]", "created_at"), form.WriteField("expires_after[seconds]", fmt.Sprint(int64(keep/time.Second)))); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, content); err != nil {
		return err
	}
	return form.Close()
}

func getFileCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show what is known of a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var f fileObject
				if err := c.call(cmd.Context(), http.MethodGet, filePath(args[0]), nil, &f); err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(f)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintf(w, "ID\t%s\nNAME\t%s\nPURPOSE\t%s\nSIZE\t%s (%d bytes)\nSTATUS\t%s\nCREATED\t%s\nEXPIRES\t%s\n",
					f.ID, f.Filename, f.Purpose, bytesText(f.Bytes), f.Bytes, f.Status, time.Unix(f.Created, 0).Format(time.DateTime), timeOrNever(f.Expires))
				if f.Details != "" {
					fmt.Fprintf(w, "DETAILS\t%s\n", f.Details)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func filePath(id string) string { return "/v1/files/" + url.PathEscape(id) }

func fileContentCommand(a *app) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "content ID",
		Short: "Print a file's content, or write it with --output",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) (err error) {
				resp, err := c.send(cmd.Context(), http.MethodGet, filePath(args[0])+"/content", nil)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				if to == "" {
					_, err = io.Copy(cmd.OutOrStdout(), resp.Body)
					return err
				}
				return saveContent(cmd, resp.Body, to)
			})
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "file to write; it has its name only when it is whole")
	return cmd
}

func saveContent(cmd *cobra.Command, content io.Reader, to string) (err error) {
	tmp := to + ".part"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // #nosec G304 -- the user names it
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err == nil {
			err = os.Rename(tmp, to)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	show := newTicker(cmd.ErrOrStderr())
	_, err = io.Copy(f, io.TeeReader(content, show.count(bytesText)))
	show.end()
	return err
}

func deleteFilesCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "delete ID…",
		Short: "Delete files for good",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				for _, id := range args {
					var gone map[string]any
					if err := c.call(cmd.Context(), http.MethodDelete, filePath(id), nil, &gone); err != nil {
						return err
					}
					if asJSON {
						if err := json.NewEncoder(cmd.OutOrStdout()).Encode(gone); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}
