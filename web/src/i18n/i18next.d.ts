import "i18next";
import type en from "./en";

// Keys are checked by the compiler: t("chat.sned") does not build.
declare module "i18next" {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- merged with the library's
  interface CustomTypeOptions {
    defaultNS: "app";
    resources: { app: typeof en };
  }
}
