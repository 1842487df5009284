// What the linter holds the console to: strict types, short functions and files, a sentence at the head of each file,
// and no text on the page that is not in the message catalogue.
import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Each file says in its first line what it is. */
const opening = {
  meta: { type: "suggestion", messages: { missing: "Open the file with a comment that says what it is." } },
  create: (context) => ({
    Program(node) {
      const first = context.sourceCode.getAllComments()[0];
      if (!first || first.range[0] > (node.body[0]?.range[0] ?? 0)) context.report({ node, messageId: "missing" });
    },
  }),
};

const untranslated = {
  selector: "JSXText[value=/[A-Za-z\\u3040-\\u30ff\\u4e00-\\u9fff]{2}/]",
  message: "Text for people belongs in src/i18n, in both languages.",
};
const untranslatedAttribute = {
  selector:
    "JSXAttribute[name.name=/^(aria-label|title|placeholder|alt)$/][value.type='Literal'][value.value=/[A-Za-z]{2}/]",
  message: "Text for people belongs in src/i18n, in both languages.",
};

export default tseslint.config(
  { ignores: ["dist", "node_modules", "test-results", "src/api/schema.d.ts"] },
  js.configs.recommended,
  { plugins: { yagura: { rules: { opening } } }, rules: { "yagura/opening": "error" } },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/only-throw-error": "off",
    },
  },
  {
    files: ["src/**/*.ts", "src/**/*.tsx"],
    plugins: { "react-hooks": hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      "no-restricted-syntax": ["error", untranslated, untranslatedAttribute],
    },
  },
  {
    files: ["scripts/*.mjs"],
    languageOptions: {
      globals: {
        clearTimeout: "readonly",
        console: "readonly",
        process: "readonly",
        setTimeout: "readonly",
        URL: "readonly",
      },
    },
  },
  prettier,
);
