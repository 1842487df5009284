// What a reader has chosen: language, colours, clock. Kept in this browser only.
// Not server state. An unreadable or blocked storage means defaults, never an error.
import { createContext, use, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import type { Text } from "../api/types";
import type { Zone } from "../domain/time";
import { LANGUAGES, messages, pick, type Language, type Messages } from "../i18n/messages";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
export const ZONES = ["utc", "local"] as const satisfies Zone[];

export interface Choices {
  language: Language;
  theme: Theme;
  zone: Zone;
}

interface Settings extends Choices {
  /** The theme after asking the system. */
  resolvedTheme: "light" | "dark";
  choose: (change: Partial<Choices>) => void;
}

const KEY = "yagura.settings";

function member<T extends string>(allowed: readonly T[], value: unknown, otherwise: T): T {
  return allowed.find((one) => one === value) ?? otherwise;
}

/** Reads stored choices; anything unknown falls back to the default. */
export function readChoices(stored: string | null, browserLanguage: string): Choices {
  let raw: Partial<Record<keyof Choices, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(stored ?? "{}");
    if (typeof parsed === "object" && parsed !== null) raw = parsed;
  } catch {
    // Somebody else's or a broken value: defaults.
  }
  return {
    language: member(LANGUAGES, raw.language, browserLanguage.startsWith("ja") ? "ja" : "en"),
    theme: member(THEMES, raw.theme, "system"),
    zone: member(ZONES, raw.zone, "utc"),
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(choices: Choices) {
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Private mode: the choice lasts until the page is closed.
  }
}

const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const onSystemTheme = (changed: () => void) => {
  darkQuery.addEventListener("change", changed);
  return () => darkQuery.removeEventListener("change", changed);
};

const SettingsContext = createContext<Settings | undefined>(undefined);

export function SettingsProvider({ children }: { children: ReactNode }) {
  const [choices, setChoices] = useState(() => readChoices(stored(), navigator.language));
  const systemDark = useSyncExternalStore(onSystemTheme, () => darkQuery.matches);
  const system = systemDark ? "dark" : "light";
  const resolvedTheme = choices.theme === "system" ? system : choices.theme;

  useEffect(() => {
    document.documentElement.lang = choices.language;
    document.documentElement.dataset.theme = resolvedTheme;
  }, [choices.language, resolvedTheme]);

  const value = useMemo((): Settings => {
    const choose = (change: Partial<Choices>) => {
      const next = { ...choices, ...change };
      store(next);
      setChoices(next);
    };
    return { ...choices, resolvedTheme, choose };
  }, [choices, resolvedTheme]);
  return <SettingsContext value={value}>{children}</SettingsContext>;
}

export function useSettings(): Settings {
  const settings = use(SettingsContext);
  if (!settings) throw new Error("useSettings outside SettingsProvider");
  return settings;
}

/** The texts in the reader's language. */
export function useMessages(): Messages {
  return messages[useSettings().language];
}

/** Picks the reader's language out of a text of the API. */
export function usePick(): (text: Text) => string {
  const { language } = useSettings();
  return (text) => pick(text, language);
}

/** Numbers as the reader's language writes them. */
export function useNumber(): (value: number, digits?: number) => string {
  const { language } = useSettings();
  return (value, digits = 0) => numberFormat(language, digits).format(value);
}

const numberFormats = new Map<string, Intl.NumberFormat>();

/** Formats are costly to make and few. */
function numberFormat(language: Language, digits: number): Intl.NumberFormat {
  const key = `${language} ${digits}`;
  const known = numberFormats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  numberFormats.set(key, made);
  return made;
}
