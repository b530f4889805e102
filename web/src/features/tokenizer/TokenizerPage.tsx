import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { PageHeader } from "@/features/shell/PageHeader";
import type { Vocabulary } from "./api";
import { ChatTab } from "./ChatTab";
import { TextTab } from "./TextTab";
import { VocabularySelect } from "./VocabularySelect";

/** Shows what a model reads: a text's tokens as one types, and what a chat counts and costs. */
export function TokenizerPage() {
  const { t } = useTranslation();
  const [tab, setTab] = useState<"text" | "chat">("text");
  const [vocabularies, setVocabularies] = useState<Record<"text" | "chat", Vocabulary>>({
    text: { encoding: "cl100k_base" },
    chat: { encoding: "cl100k_base" },
  });
  const select = useId();

  useEffect(() => {
    document.title = `${t("tokenizer.title")} · ${t("app.name")}`;
  }, [t]);

  return (
    <div className="flex h-full flex-col">
      <PageHeader>
        <h1 className="px-2 text-base font-semibold">{t("tokenizer.title")}</h1>
      </PageHeader>
      {/* Positioned, so that what only screen readers see scrolls with it and not the whole page. */}
      <div className="relative min-h-0 grow overflow-y-auto">
        <div className="mx-auto grid max-w-4xl gap-6 px-4 py-4 *:min-w-0 md:px-6">
          <p className="text-muted-foreground">{t("tokenizer.lead")}</p>
          <div className="grid gap-1.5">
            <label htmlFor={select} className="text-sm font-medium">
              {t("tokenizer.vocabulary")}
            </label>
            <VocabularySelect
              id={select}
              value={vocabularies[tab]}
              chat={tab === "chat"}
              onChange={(vocabulary) => setVocabularies((all) => ({ ...all, [tab]: vocabulary }))}
            />
          </div>
          <Tabs value={tab} onValueChange={(next) => setTab(next === "chat" ? "chat" : "text")}>
            <TabsList aria-label={t("tokenizer.what")}>
              <TabsTrigger value="text">{t("tokenizer.text")}</TabsTrigger>
              <TabsTrigger value="chat">{t("tokenizer.chat")}</TabsTrigger>
            </TabsList>
            {/* Both stay, so that what was written in one is there after a look at the other. */}
            <TabsContent value="text" forceMount hidden={tab !== "text"} className="pt-5">
              <TextTab vocabulary={vocabularies.text} active={tab === "text"} />
            </TabsContent>
            <TabsContent value="chat" forceMount hidden={tab !== "chat"} className="pt-5">
              <ChatTab vocabulary={vocabularies.chat} active={tab === "chat"} />
            </TabsContent>
          </Tabs>
        </div>
      </div>
    </div>
  );
}
