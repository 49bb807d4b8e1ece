"""Hugging Face Trainer on a tiny model with random weights: accumulation, bf16, warm-up. Nothing is downloaded."""
import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments


class Text(Dataset):
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = torch.tensor(list(file.read()[:4000]))

    def __len__(self):
        return len(self.data) // 33

    def __getitem__(self, i):
        ids = self.data[i * 33 : i * 33 + 32]
        return {"input_ids": ids, "labels": ids}


def main():
    torch.manual_seed(5)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=256, n_positions=32, n_embd=16, n_layer=1, n_head=2))
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir="out", max_steps=6, per_device_train_batch_size=4, gradient_accumulation_steps=2, bf16=True,
            use_cpu=True, report_to=[], logging_steps=2, disable_tqdm=True, learning_rate=1e-2, warmup_steps=2,
        ),
        train_dataset=Text("input.txt"),
    )
    trainer.train()
    torch.save(model.state_dict(), "model.pt")


if __name__ == "__main__":
    main()
