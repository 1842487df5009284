// The list of keys, opened by "?". A native dialog: it keeps the focus and closes on Esc by itself.
import { useEffect, useRef } from "react";
import { Icon } from "../parts/icons";
import { useBindings } from "./keys";
import { useMessages } from "./settings";

const NAMES: Record<string, string> = { Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑" };

function Keys({ keys }: { keys: string }) {
  return (
    <span className="keys">
      {keys.split(" ").map((key) => (
        <kbd key={key}>{NAMES[key] ?? key}</kbd>
      ))}
    </span>
  );
}

export function Help({ open, close }: { open: boolean; close: () => void }) {
  const m = useMessages();
  const dialog = useRef<HTMLDialogElement>(null);
  const layers = useBindings();
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const of = (scope: "page" | "everywhere") =>
    layers.filter((layer) => layer.scope === scope).flatMap((layer) => layer.bindings);
  const groups = [
    { title: m.keys.here, bindings: of("page") },
    { title: m.keys.everywhere, bindings: of("everywhere") },
  ].filter((group) => group.bindings.length > 0);
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={close}>
      <header>
        <h2 id="help-title">{m.keys.title}</h2>
        <button type="button" className="button ghost icon" aria-label={m.keys.closeHelp} onClick={close}>
          <Icon name="cross" />
        </button>
      </header>
      <div className="groups">
        {groups.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <ul>
              {group.bindings.map((binding) => (
                <li key={binding.keys}>
                  <span>{binding.does}</span>
                  <Keys keys={binding.keys} />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </dialog>
  );
}
