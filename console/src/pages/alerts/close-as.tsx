// What an alert turned out to be, said when it is closed: four buttons, and "e" followed by the letter of one of them.
import type { AlertStatus, Disposition } from "../../api/types";
import type { Binding } from "../../app/keys";
import { useMessages } from "../../app/settings";
import type { Messages } from "../../i18n/messages";

/** What an alert shall be: closed alerts say what they turned out to be, others do not. */
export type Wish = { status: Exclude<AlertStatus, "closed"> } | { status: "closed"; disposition: Disposition };

export const DISPOSITIONS = [
  ["true_positive", "t"],
  ["false_positive", "f"],
  ["benign", "b"],
  ["insufficient_data", "u"],
] as const satisfies (readonly [Disposition, string])[];

/** The keys that close: e t, e f, e b, e u. */
export function closeKeys(m: Messages, close: (wish: Wish) => void): Binding[] {
  return DISPOSITIONS.map(([disposition, key]) => ({
    keys: `e ${key}`,
    does: m.keys.closeAs(m.dispositions[disposition]),
    run: () => close({ status: "closed", disposition }),
  }));
}

export function CloseAs({ close, small = false }: { close: (wish: Wish) => void; small?: boolean }) {
  const m = useMessages();
  return (
    <span className="close-as" role="group" aria-label={m.actions.closeAs}>
      <span aria-hidden="true">{m.actions.closeAs}</span>
      {DISPOSITIONS.map(([disposition, key]) => (
        <button
          key={disposition}
          type="button"
          className={small ? "button small" : "button"}
          title={m.dispositionHelp[disposition]}
          onClick={() => close({ status: "closed", disposition })}
        >
          {m.dispositions[disposition]} <kbd>e</kbd> <kbd>{key}</kbd>
        </button>
      ))}
    </span>
  );
}
