// What "correct" means for the browser's JavaScript. static/js runs unbuilt in old browsers, so the parser only
// knows ES5, only the globals named here exist, and later methods are refused by name. This file may not turn a
// rule off for a single file: a needed exception stands, with its reason, in the line that needs it.

const browser = Object.fromEntries(
  "window document module require setTimeout clearTimeout Uint8Array".split(" ").map((name) => [name, "readonly"]),
);

const node = Object.fromEntries("URL console process setImmediate".split(" ").map((name) => [name, "readonly"]));

const later =
  "includes|startsWith|endsWith|padStart|padEnd|repeat|find|findIndex|flat|flatMap|closest|matches|append|prepend|" +
  "replaceWith|assign|entries|values|fromEntries|finally|isNaN|isInteger|scrollTo|replaceAll|at";

const habits = {
  "array-callback-return": "error",
  "block-scoped-var": "error",
  "consistent-this": ["error", "self", "link"],
  curly: "error",
  "dot-notation": "error",
  eqeqeq: "error",
  "guard-for-in": "off", // for-in runs over our own literals only
  "no-alert": "error",
  "no-console": "error",
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-shadow": "error",
  "no-undef": "error",
  "no-unused-vars": ["error", { caughtErrorsIgnorePattern: "^_" }],
  "no-use-before-define": ["error", { functions: false }],
  "no-var": "off",
  semi: "error",
  strict: ["error", "function"],
  "max-lines": ["error", 250],
  "max-len": ["error", 120],
};

export default [
  { ignores: ["static/js/vendor/**", ".venv/**"] },
  {
    files: ["static/js/*.js"],
    languageOptions: { ecmaVersion: 5, sourceType: "script", globals: browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...habits,
      "no-restricted-syntax": [
        "error",
        {
          selector: `CallExpression > MemberExpression.callee[property.name=/^(${later})$/]`,
          message: "Not in the browsers that ES5 is for.",
        },
        {
          selector: "AssignmentExpression > MemberExpression.left[property.name=/^(inner|outer)HTML$/]",
          message: "Text from others is only ever inserted as textContent.",
        },
      ],
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: node },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...habits,
      "consistent-this": "off",
      curly: ["error", "multi-line"],
      strict: "off",
      "prefer-const": "error",
      "no-var": "error",
    },
  },
];
