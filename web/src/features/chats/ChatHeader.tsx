import { Ellipsis } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat, Model } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuTrigger } from "@/components/ui/menu";
import { CommandMenuItems } from "@/features/commands/CommandMenuItems";
import { ModelPicker } from "@/features/models/ModelPicker";
import { PageHeader } from "@/features/shell/PageHeader";

type Props = { chat?: Chat; model: Model | undefined; onModel: (id: string) => void };

export function ChatHeader({ chat, model, onModel }: Props) {
  return (
    <PageHeader>
      <ModelPicker value={model} onChange={onModel} />
      <div className="ml-auto flex items-center gap-0.5">{chat && <ChatMenu chat={chat} />}</div>
    </PageHeader>
  );
}

function ChatMenu({ chat }: { chat: Chat }) {
  const { t } = useTranslation();
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="icon" aria-label={t("nav.moreCurrent")}>
          <Ellipsis />
        </Button>
      </MenuTrigger>
      <MenuContent align="end">
        <CommandMenuItems
          ids={["chats.copyAnswer", "chats.regenerate", "chats.rename", "chats.delete"]}
          target={{ chatId: chat.id }}
        />
      </MenuContent>
    </Menu>
  );
}
