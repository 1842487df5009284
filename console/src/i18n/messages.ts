// The message catalogue: English gives the shape, every other language must fill it, or the build fails.
import type { components } from "../api/schema";
import { en } from "./en";
import { ja } from "./ja";

type Filled<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { [K in keyof T]: Filled<T[K]> };

/** The shape of a complete catalogue. */
export type Messages = Filled<typeof en>;

export const LANGUAGES = ["en", "ja"] as const;
export type Language = (typeof LANGUAGES)[number];

export const messages: Record<Language, Messages> = { en, ja };

/** The text of an API answer in the reader's language, or in English where it was not translated. */
export function pick(text: components["schemas"]["Text"], language: Language): string {
  return text[language] || text.en;
}
