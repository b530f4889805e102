import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Select } from "@/components/ui/select";
import { modelsQuery } from "@/features/models/api";
import { chatEncodings, type Encoding, encodings, type Vocabulary } from "./api";

type Props = {
  id: string;
  value: Vocabulary;
  /** Only those that models for chats have. */
  chat: boolean;
  onChange: (value: Vocabulary) => void;
};

/** OpenAI's vocabularies, and those of the models that this Parley serves. */
export function VocabularySelect({ id, value, chat, onChange }: Props) {
  const { t } = useTranslation();
  const all = useQuery(modelsQuery).data ?? [];
  const models = [...new Set(all.filter((m) => !chat || m.kind === "chat").map((m) => m.served_model))];
  return (
    <Select
      id={id}
      value={"encoding" in value ? `encoding ${value.encoding}` : `model ${value.model}`}
      onChange={(event) => {
        const [kind, ...name] = event.target.value.split(" ");
        onChange(kind === "encoding" ? { encoding: name.join(" ") as Encoding } : { model: name.join(" ") });
      }}
    >
      <optgroup label={t("tokenizer.encodings")}>
        {Object.entries(encodings)
          .filter(([name]) => !chat || chatEncodings.has(name))
          .map(([name, models]) => (
            <option key={name} value={`encoding ${name}`}>
              {name} ({models})
            </option>
          ))}
      </optgroup>
      {models.length > 0 && (
        <optgroup label={t("models.own")}>
          {models.map((name) => (
            <option key={name} value={`model ${name}`}>
              {name}
            </option>
          ))}
        </optgroup>
      )}
    </Select>
  );
}
