// Copies a text to the clipboard and says so.
import { useState } from "react";
import { useMessages } from "../app/settings";
import { Icon } from "./icons";

const SAID_MS = 1500;

function useCopy(): [boolean, (text: string) => void] {
  const [done, setDone] = useState(false);
  const copy = (text: string) => {
    void navigator.clipboard.writeText(text).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), SAID_MS);
    });
  };
  return [done, copy];
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const m = useMessages();
  const [done, copy] = useCopy();
  const label = done ? m.actions.copied : m.actions.copyValue(what);
  return (
    <button type="button" className="copy" aria-label={label} title={label} onClick={() => copy(text)}>
      <Icon name={done ? "check" : "copy"} />
    </button>
  );
}

/** Copies the address of the page, which holds its whole state. `address` may freeze what is relative. */
export function CopyLink({ address }: { address?: () => string }) {
  const m = useMessages();
  const [done, copy] = useCopy();
  return (
    <button type="button" className="button ghost" onClick={() => copy(address?.() ?? location.href)}>
      <Icon name={done ? "check" : "link"} />
      {done ? m.actions.copied : m.actions.copyLink}
    </button>
  );
}

/** A hash, shortened in the middle of a line, whole on hover and in the clipboard. */
export function Hash({ hex, what, whole = "no" }: { hex: string; what: string; whole?: "yes" | "no" }) {
  return (
    <span className={whole === "yes" ? "hash whole" : "hash"}>
      <code title={hex}>{whole === "yes" ? hex : `${hex.slice(0, 12)}…`}</code>
      <CopyButton text={hex} what={what} />
    </span>
  );
}
