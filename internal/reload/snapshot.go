package reload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Snapshot is a file that has the documents of the last good policy, for a start at which the
// policies of the source are refused. It is a policy file with a header of comments.
type Snapshot struct {
	Path    string
	Version string   // of this program
	From    []string // the paths of the policies
}

// The keys of the header of a snapshot.
const (
	keyWritten = "written"
	keyVersion = "version"
	keyFrom    = "from"
	keySum     = "sha256"
)

const snapshotTitle = `# corsd serve wrote this file, and overwrites it. It has the last good policy, for a start
# at which the policy files have faults or cannot be read.
`

// encode returns the text of a file with the documents. The checksum shows that a file was cut off
// between two documents: the rest would be a policy that grants and refuses something else.
func (s *Snapshot) encode(documents []byte, now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString(snapshotTitle)
	line := func(key, value string) { fmt.Fprintf(&b, "# %s: %s\n", key, value) }
	line(keyWritten, now.UTC().Format(time.RFC3339))
	line(keyVersion, s.Version)
	for _, path := range s.From {
		line(keyFrom, fmt.Sprintf("%+q", path))
	}
	line(keySum, sumOf(documents))
	b.Write(documents)
	return b.Bytes()
}

func sumOf(documents []byte) string {
	sum := sha256.Sum256(documents)
	return hex.EncodeToString(sum[:])
}

var (
	errNoHeader = errors.New("it has no header of corsd, so corsd did not write it as a snapshot")
	errSum      = errors.New("it does not have the SHA-256 of its header: it was changed or cut off")
	errRegular  = errors.New("it is not a regular file")
	errTooLarge = fmt.Errorf("more than %d bytes in one file", policyfile.MaxFileBytes)
)

// decodeSnapshot returns the documents in the text of a file, and when it was written.
func decodeSnapshot(data []byte) (documents []byte, written time.Time, err error) {
	header := map[string]string{}
	for bytes.HasPrefix(data, []byte("#")) {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		key, value, _ := strings.Cut(strings.TrimPrefix(string(line), "# "), ": ")
		header[key], data = value, rest
	}
	written, err = time.Parse(time.RFC3339, header[keyWritten])
	switch {
	case err != nil || header[keySum] == "":
		return nil, written, errNoHeader
	case header[keySum] != sumOf(data):
		return nil, written, errSum
	}
	return data, written, nil
}

// readFile returns the text of the file.
func (s *Snapshot) readFile() ([]byte, error) {
	info, err := os.Stat(s.Path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a FIFO or a device may block for ever or have effects
		return nil, errRegular
	case info.Size() > policyfile.MaxFileBytes:
		return nil, errTooLarge
	}
	return os.ReadFile(s.Path)
}

// load compiles the policy of the file as of a moment.
func (s *Snapshot) load(now time.Time) (*Report, time.Time, error) {
	data, err := s.readFile()
	if err != nil {
		return nil, time.Time{}, err
	}
	_, written, err := decodeSnapshot(data)
	if err != nil {
		return nil, written, err
	}
	files := policyfile.Parse(s.Path, data)
	report := compile(files, []policy.Option{policy.At(now)})
	if n := len(report.Faults); n > 0 {
		return nil, written, fmt.Errorf("faults: %d, the first is %s", n, report.Faults[0])
	}
	report.documents = documentsOf(&files.Config)
	return report, written, nil
}

// save writes a file with the documents, unless it has them already. It returns when the file was
// written.
func (s *Snapshot) save(documents []byte, now time.Time) (time.Time, error) {
	old, err := s.readFile()
	if errors.Is(err, errRegular) {
		return now, err
	}
	if err == nil {
		if same, written, err := decodeSnapshot(old); err == nil && bytes.Equal(same, documents) {
			return written, nil
		}
	}
	data := s.encode(documents, now)
	if len(data) > policyfile.MaxFileBytes {
		return now, errTooLarge
	}
	return now, replaceFile(s.Path, data, now)
}

// documentsFor returns the text of the documents of a configuration.
func documentsFor(c *spec.Config) ([]byte, error) {
	var b bytes.Buffer
	err := policyfile.Write(&b, c)
	return b.Bytes(), err
}

// Temporary files have the name of the file between these, and a random part. No policy is read
// from them: their names begin with a dot.
const (
	temporaryPrefix = "."
	temporarySuffix = ".tmp"
)

// replaceFile writes a file in one step: whoever reads it sees all of the text before or all of the
// text after, also after a crash. The file has mode 0600.
func replaceFile(path string, data []byte, now time.Time) (err error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	prefix := temporaryPrefix + name + "."
	f, err := os.CreateTemp(dir, prefix+"*"+temporarySuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // it may be closed
			_ = os.Remove(f.Name()) // otherwise a later call removes it
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDirectory(dir)
	removeAbandoned(dir, prefix, now)
	return nil
}

// syncDirectory makes a rename last. Not every file system can do it, and without it a crash may
// leave the old file.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// abandoned is the age from which on a temporary file belongs to a process that was killed. Another
// process may be writing a younger one.
const abandoned = time.Hour

// removeAbandoned removes the temporary files that killed processes have left.
func removeAbandoned(dir, prefix string, now time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		isTemporary := strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), temporarySuffix)
		if !isTemporary || e.Type()&fs.ModeType != 0 {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
