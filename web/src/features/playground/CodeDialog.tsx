import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDialogParam } from "@/components/console/search";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Choice } from "@/components/ui/toggle-group";
import { CodeBlock } from "@/features/chats/CodeBlock";
import { useStore } from "@/lib/store";
import { grammar, type Language, languages, program } from "./code";
import { playground } from "./playground";
import { requestOf } from "./request";

/** The request as a program. */
export function CodeDialog() {
  const { t } = useTranslation();
  const { open, close } = useDialogParam("code");
  const setup = useStore(playground, (state) => state.setup);
  const [language, setLanguage] = useState<Language>("python");
  const base = `${window.location.origin}/v1`;
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && close()}>
      <DialogContent className="max-w-3xl *:min-w-0">
        <DialogTitle>{t("playground.code.title")}</DialogTitle>
        <p className="text-sm text-muted-foreground">{t("playground.code.lead")}</p>
        <div className="overflow-x-auto">
          <Choice
            label={t("playground.code.language")}
            value={language}
            options={languages.map((value) => ({ value, label: t(`playground.code.languages.${value}`) }))}
            onChange={setLanguage}
          />
        </div>
        <CodeBlock code={program(language, requestOf(setup).request, base)} language={grammar[language]} />
      </DialogContent>
    </Dialog>
  );
}
