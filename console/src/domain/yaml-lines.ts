// Cuts a rule's YAML text into lines with parts to colour. Not a YAML parser: a wrong guess costs a colour, nothing else.

export interface YamlPart {
  kind: "key" | "text" | "comment" | "mark";
  text: string;
}

export interface YamlLine {
  parts: YamlPart[];
  /** The line is about one of the matched fields. */
  matched: boolean;
}

const LINE = /^(\s*(?:- )?)([\w.|*]+)(:)(\s.*)?$/;

export function yamlLines(source: string, matchedFields: ReadonlySet<string>): YamlLine[] {
  return source
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      if (/^\s*#/.test(line)) return { parts: [{ kind: "comment", text: line }], matched: false };
      const match = LINE.exec(line);
      if (!match) return { parts: [{ kind: "text", text: line }], matched: false };
      const [, indent = "", key = "", colon = "", rest = ""] = match;
      const parts: YamlPart[] = [
        { kind: "text", text: indent },
        { kind: "key", text: key },
        { kind: "mark", text: colon },
        { kind: "text", text: rest },
      ];
      return { parts, matched: matchedFields.has(key.split("|")[0] ?? "") };
    });
}
