package contract

import "strings"

// formStart begins a body that is a multipart form: its fields are those of files.
const formStart = "--form\r\n"

// formOf is a form with a file and text fields, name and value in turn.
func formOf(file, content string, fields ...string) string {
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		b.WriteString(formStart + "Content-Disposition: form-data; name=\"" + fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n")
	}
	b.WriteString(formStart + "Content-Disposition: form-data; name=\"" + file + "\"; filename=\"a.jsonl\"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n")
	return b.String() + "--form--\r\n"
}

const (
	postFile   = "POST /files"
	fileObject = "GET /files/{}"
	listFiles  = "GET /files"
	newUpload  = "POST /uploads"
	addPart    = "POST /uploads/{}/parts"
	endUpload  = "POST /uploads/{}/complete"
	tenBytes   = `{"filename": "a.txt", "purpose": "assistants", "bytes": 10, "mime_type": "text/plain"}`
)

// files makes what it then asks for.
var files = []exchange{
	{"for fine-tuning", postFile, "", formOf("file", `{"prompt": "a", "completion": "b"}`, "purpose", "fine-tune"), 0},
	{"plain", postFile, "", formOf("file", "text", "purpose", "assistants"), 0},
	{"another purpose", postFile, "", formOf("file", "text", "purpose", "nothing"), 400},
	{"no file", postFile, "", formOf("purpose", "assistants"), 400},
	{"not JSON Lines", postFile, "", formOf("file", "text", "purpose", "fine-tune"), 400},
	{"plain", fileObject, "/files/{file}", "", 0},
	{"unknown", fileObject, "/files/file-nothing", "", 404},
	{"plain", listFiles, "", "", 0},
	{"a page", listFiles, "/files?limit=1&order=asc&purpose=assistants", "", 0},
	{"unknown cursor", listFiles, "/files?after=file-nothing", "", 404},
	{"plain", "GET /files/{}/content", "/files/{file}/content", "", 0},
	{"plain", "DELETE /files/{}", "/files/{file}", "", 0},
	{"again", "DELETE /files/{}", "/files/{file}", "", 404},
	{"with an end", postFile, "", formOf("file", "text", "purpose", "user_data", "expires_after[anchor]", "created_at", "expires_after[seconds]", "3600"), 0},

	{"plain", newUpload, "", tenBytes, 0},
	{"no size", newUpload, "", `{"filename": "a.txt", "purpose": "assistants", "mime_type": "text/plain"}`, 400},
	{"plain", addPart, "/uploads/{upload}/parts", formOf("data", "0123456789"), 0},
	{"too much", addPart, "/uploads/{upload}/parts", formOf("data", "0"), 400},
	{"plain", endUpload, "/uploads/{upload}/complete", `{"part_ids": ["{part}"]}`, 0},
	{"again", endUpload, "/uploads/{upload}/complete", `{"part_ids": ["{part}"]}`, 400},
	{"to cancel", newUpload, "", strings.Replace(tenBytes, "}", `, "expires_after": {"anchor": "created_at", "seconds": 3600}}`, 1), 0},
	{"plain", "POST /uploads/{}/cancel", "/uploads/{cancelled}/cancel", "", 0},
	{"unknown", "POST /uploads/{}/cancel", "/uploads/upload_nothing/cancel", "", 404},
}

func init() {
	for key, name := range map[string]string{
		postFile + " plain": "file", newUpload + " plain": "upload", addPart + " plain": "part", newUpload + " to cancel": "cancelled",
	} {
		makes[key] = name
	}
}
