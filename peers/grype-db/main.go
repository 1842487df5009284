// Makes a database of Grype from OSV records of Go (one JSON document a line, standard input), by Grype's own code, so that it can be
// measured on the advisories that Yagura reads. Usage: grype-db DIRECTORY < records.jsonl. Not a part of the product; built by scripts/peers/psirt.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/anchore/grype/grype/db/processors"
	"github.com/anchore/grype/grype/db/provider"
	v6 "github.com/anchore/grype/grype/db/v6"
	build "github.com/anchore/grype/grype/db/v6/build"
	"github.com/anchore/grype/grype/db/v6/build/transformers/osv"
	"github.com/spf13/afero"
)

// The longest record that is read, in bytes.
const lineMax = 64 << 20

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "grype-db:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: grype-db DIRECTORY < records.jsonl")
	}
	state := provider.State{Provider: "govulndb", Version: 1, Timestamp: time.Now().UTC()}
	writer, err := build.NewWriter(os.Args[1], provider.States{state}, false, 0)
	if err != nil {
		return err
	}
	processor := processors.NewV2OSVProcessor(osv.Transform)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), lineMax)
	for lines.Scan() {
		entries, err := processor.Process(bytes.NewReader(lines.Bytes()), state)
		if err != nil {
			return err
		}
		if err := writer.Write(entries...); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), os.Args[1], "records.jsonl")
	return err
}
