// Keyboard bindings: pages say which keys do what; this listens once and shows them all under "?".
// Keys do nothing while a person types or a dialog is open. Sequences ("g a") wait one second for their second key.
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Binding {
  /** One key as `KeyboardEvent.key` names it, or two with a space between. */
  keys: string;
  does: string;
  run: () => void;
}

interface Layer {
  scope: "page" | "everywhere";
  bindings: Binding[];
}

const SEQUENCE_MS = 1000;
const layers = new Set<Layer>();
const watchers = new Set<() => void>();
let snapshot: Layer[] = [];
let pending: { key: string; until: number } | undefined;

function changed() {
  snapshot = [...layers];
  for (const watcher of watchers) watcher();
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Enter and space belong to the control that has the focus. */
function belongsToControl(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  return event.target instanceof Element && event.target.closest("a, button, summary, [role=button]") !== null;
}

function find(keys: string): Binding | undefined {
  // Pages come before what holds everywhere: Esc first clears a selection, then goes back.
  const ordered = [...layers].sort((a, b) => Number(a.scope === "everywhere") - Number(b.scope === "everywhere"));
  for (const layer of ordered) {
    const binding = layer.bindings.find((one) => one.keys === keys);
    if (binding) return binding;
  }
  return undefined;
}

function onKey(event: KeyboardEvent) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") (event.target as HTMLElement).blur();
    return;
  }
  if (belongsToControl(event)) return;
  const first = pending && pending.until > event.timeStamp ? pending.key : undefined;
  pending = undefined;
  const binding = (first ? find(`${first} ${event.key}`) : undefined) ?? find(event.key);
  if (binding) {
    event.preventDefault();
    binding.run();
  } else if ([...layers].some((layer) => layer.bindings.some((one) => one.keys.startsWith(`${event.key} `)))) {
    pending = { key: event.key, until: event.timeStamp + SEQUENCE_MS };
  }
}

/** Binds keys while the calling component is on screen. */
export function useKeys(scope: Layer["scope"], bindings: Binding[]) {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  const shape = bindings.map((binding) => `${binding.keys}\t${binding.does}`).join("\n");
  useEffect(() => {
    const layer: Layer = {
      scope,
      bindings: shape.split("\n").flatMap((line) => {
        const [keys = "", does = ""] = line.split("\t");
        if (keys === "") return [];
        return [{ keys, does, run: () => latest.current.find((one) => one.keys === keys)?.run() }];
      }),
    };
    layers.add(layer);
    changed();
    if (layers.size === 1) addEventListener("keydown", onKey);
    return () => {
      layers.delete(layer);
      changed();
      if (layers.size === 0) removeEventListener("keydown", onKey);
    };
  }, [scope, shape]);
}

/** All bindings that hold now, for the help. */
export function useBindings(): Layer[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => snapshot,
  );
}
